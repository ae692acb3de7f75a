"""Layers of detectors: priors, regions, boxes and non-maximum suppression."""
