"""Cohorts: callers who send one response at a time are gathered by prompt, so that their responses can be ranked."""
