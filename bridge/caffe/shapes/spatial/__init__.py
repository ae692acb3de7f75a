"""Shapes of layers that work on windows and positions of a feature map."""
