"""Shapes of layers along a sequence."""
