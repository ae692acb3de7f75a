"""What is asked of a .tflite.

samples.py  what a net is typically fed, by which its steps are chosen where it rounds
verify.py   the check of the file that a conversion has written
"""
