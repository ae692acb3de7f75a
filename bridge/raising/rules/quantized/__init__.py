"""Rules for numbers that are rounded to steps: int8 and its kin."""
