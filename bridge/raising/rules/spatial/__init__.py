"""Operators on windows and positions of feature maps."""
