"""A net, drawn: its nodes as Caffe, ONNX and Keras have them, and between them its values.

diagram.py      Diagram: what is drawn
assemble.py     the diagram of a graph, its Caffe layers and its plan
ranks.py        a diagram as rows of boxes
arrange.py      the order of the boxes in each row, and where they are
picture.py      the boxes, texts and curves for the templates
page.py         a page of one net: the diagram, and its weights

The two steps between are Sugiyama's (Sugiyama, Tagawa and Toda 1981): boxes in rows, ordered by
the mean of their neighbours. They are our own, in time linear in the net but for sorting: grandalf,
the one light Python package for it, has had no release since January 2023, and Graphviz is a
program of its own.
"""
