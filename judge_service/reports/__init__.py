"""Findings as pages: HTML that stands by itself, Markdown and JSON, all with the same numbers."""
