"""Layers of detectors: priors, regions, boxes and their suppression."""
