"""What a net says of images: `bridge.predict`.

api.py      opens the model, and feeds it each image as the net wants it
model.py    a model of any format that takes images
answers.py  an output, read as classes, boxes or a map
names.py    the names of classes, in a file
drawing.py  the answers on the picture
"""
