"""Operators on sequences."""
