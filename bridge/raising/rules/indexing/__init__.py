"""Operators that gather elements by index, scatter them, or find indices."""
