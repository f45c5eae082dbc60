"""Settings of all unit tests."""

from hypothesis import settings

# A slow machine is no reason to fail, and the examples are the same in every run.
settings.register_profile("unit", deadline=None, derandomize=True, database=None)
settings.load_profile("unit")
