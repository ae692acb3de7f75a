"""Layers along a sequence, and layers that decode one."""
