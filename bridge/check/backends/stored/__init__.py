"""Models whose arrays may have another layout than ONNX's: those of Keras, and what was exported.

opening.py   a file, as what it says of itself and a function that runs it
process.py   the same in a process of its own, and server.py, the other side of its pipes
answers.py   what that one says, as plain data
"""
