"""Sizes that the user fixes, and the part of a graph that is wanted."""
