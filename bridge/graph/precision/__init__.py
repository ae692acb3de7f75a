"""The precision in which a graph computes."""
