"""Stands in for vLLM in tests of `up`: PYTHONPATH leads here."""
