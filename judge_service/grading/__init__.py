"""Graders in OpenAI's shape: their templates, checks and formulas. Pure; who asks a judge is told what to ask."""
