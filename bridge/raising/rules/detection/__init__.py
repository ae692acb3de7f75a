"""Operators of detectors: regions of interest, and non-maximum suppression."""
