"""Operators that walk along a sequence."""
