"""Settings of all unit tests."""

from hypothesis import settings

# A slow machine is no reason to fail; the examples are the same in every run.
settings.register_profile("unit", deadline=None, derandomize=True, max_examples=50, database=None)
settings.load_profile("unit")
