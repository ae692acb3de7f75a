"""Test modules and helpers import one another as `tests.…`."""
