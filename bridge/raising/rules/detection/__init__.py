"""Operators of detectors: regions, and the suppression of boxes."""
