"""Commands that set models against each other."""
