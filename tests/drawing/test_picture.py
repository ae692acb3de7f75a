"""Boxes of text, and the curves between them."""

from __future__ import annotations

import re
from time import process_time

from bridge.drawing.diagram import Diagram, Form, Node, Note, Value
from bridge.drawing.picture import LONGEST, Picture, pictured

CONV = Node("conv", {"Caffe": Form("Convolution", ("conv: Convolution, net.prototxt:3",))}, ("x",))
VALUE = Value("y", ("batch", 3, 8, 8), "n c h w", ("batch", 8, 8, 3), "n h w c")


def one_layer(note: Note | None = None) -> Picture:
    nodes = (Node("x", {}, (), ("x",), is_input=True), Node("conv", CONV.forms, ("x",), ("y",)))
    return pictured(Diagram(nodes, {"x": Value("x"), "y": VALUE}, {"y": note} if note else {}))


def texts(picture: Picture) -> list[list[str]]:
    return [[f"{line.label} {line.text}".strip() for line in box.lines] for box in picture.boxes]


def test_a_node_has_a_line_for_each_form_and_a_value_one_for_each_order() -> None:
    assert texts(one_layer()) == [
        ["x"],
        ["conv", "Caffe Convolution"],
        ["x"],
        ["n c h w: batch 3 8 8", "n h w c: batch 8 8 3"],
    ]


def test_all_there_is_to_say_is_in_the_text() -> None:
    text = one_layer().boxes[1].text
    assert text == "conv\nCaffe\n  conv: Convolution, net.prototxt:3"


def test_what_a_comparison_says_is_shown_and_coloured() -> None:
    box = one_layer(Note("cannot tell", "it is the same for all inputs")).boxes[3]
    assert box.style == "value cannot-tell"
    assert box.lines[-1].text == "it is the same for all inputs"


def test_long_names_are_cut_in_the_box_alone() -> None:
    name = "conv" * 40
    (box,) = pictured(Diagram((Node(name, {}, (), ("y",)),), {})).boxes
    assert len(box.lines[0].text) == LONGEST
    assert box.text == name


def test_curves_begin_and_end_at_boxes() -> None:
    picture = one_layer()
    x, conv, between, _ = picture.boxes
    ends = [[*map(int, re.findall(r"\d+", curve.path))] for curve in picture.curves]
    assert len(ends) == 3
    assert ends[0][1] == x.y + x.height
    assert ends[0][-1] == between.y
    assert ends[2][1] == between.y + between.height
    assert ends[2][-1] == conv.y


def test_the_picture_of_a_thousand_nodes_takes_a_moment() -> None:
    """A third of a second; with each node beside each other it would be minutes."""
    nodes = [Node("x", {}, (), ("0",), is_input=True)]
    nodes += [Node(f"{i}", {}, (f"{i - 1}", f"{max(0, i - 5)}"), (f"{i}",)) for i in range(1, 1000)]
    diagram = Diagram(tuple(nodes), {node.writes[0]: Value(node.writes[0]) for node in nodes})
    start = process_time()
    assert len(pictured(diagram).boxes) == 2000
    assert process_time() - start < 5


def test_an_empty_diagram_has_an_empty_picture() -> None:
    assert pictured(Diagram((), {})).boxes == ()
