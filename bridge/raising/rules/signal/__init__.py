"""Operators on signals: transforms into frequencies, and windows."""
