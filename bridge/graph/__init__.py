"""ONNX graphs: files ↔ memory, the passes before raising, and what is asked of a graph."""
