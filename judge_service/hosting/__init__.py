"""vLLM as a process of its own: found, started, waited for, and never left behind."""
