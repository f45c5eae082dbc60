"""The command line: one typer app, a file to each group of commands."""
