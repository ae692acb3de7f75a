from __future__ import annotations

from bridge.caffe.files.textformat import parse
from bridge.caffe.files.untyped import Untyped


def test_values_are_what_they_look_like_and_known_by_line() -> None:
    tree = parse("size: 3\nat: 1.5\nat: 2\ninner { on: true }", "net.prototxt")
    message = Untyped(tree.fields, tree.source)
    assert message == {"size": 3, "at": [1.5, 2], "inner": {"on": True}}
    assert message.location("inner").line == 4
    assert message.without({"at"}) == {"size": 3, "inner": {"on": True}}
