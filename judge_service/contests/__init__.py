"""Models' answers to the same prompts, set against each other."""
