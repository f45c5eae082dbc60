"""Commands that audit a judge."""
