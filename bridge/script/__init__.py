"""Plan → a Python script that builds the model with Keras alone, and its weights beside it."""
