"""Shapes of the layers of detectors."""
