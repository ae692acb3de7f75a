"""Rewriting what an ONNX graph says into what the rules know, before it is raised."""
