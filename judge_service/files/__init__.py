"""Rows in files of every kind, one at a time: what a name stands for, read, written whole, and counted."""
