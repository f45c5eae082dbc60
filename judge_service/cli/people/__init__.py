"""Commands that set a judge beside people."""
