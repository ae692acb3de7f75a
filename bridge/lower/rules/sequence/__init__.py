"""Layers that walk along a sequence, and that read one off."""
