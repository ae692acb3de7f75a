"""Complaints about fields, as messages and as options name them."""

from __future__ import annotations

import pytest

from bridge.caffe.files.complaint import Complaint, Kind
from bridge.errors import Location

HOLE = Complaint(
    Location("net.prototxt", 3, 5),
    ("convolution_param", "hole"),
    "ConvolutionParameter",
    Kind.FIELD,
    "unknown field 'hole'",
    "did you mean 'dilation'?",
)


@pytest.mark.parametrize(
    "name",
    ["hole", "convolution_param", "convolution_param.hole", "ConvolutionParameter.hole"],
)
def test_a_field_is_named_by_itself_or_with_its_message(name: str) -> None:
    assert HOLE.is_named({name})
    assert not HOLE.is_named({f"{name}s"})


def test_a_complaint_says_where_and_what_may_have_been_meant() -> None:
    assert str(HOLE) == "unknown field 'hole'; did you mean 'dilation'?"
    assert HOLE.line("layer 'conv'", "left out") == (
        "net.prototxt:3: layer 'conv': unknown field 'hole' (left out); did you mean 'dilation'?"
    )
