"""Plan → `.keras` archive, without Keras."""
