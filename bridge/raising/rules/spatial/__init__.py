"""Operators that work on windows and positions of a map."""
