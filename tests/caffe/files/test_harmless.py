from __future__ import annotations

import pytest

from bridge.caffe.files.harmless import is_harmless
from bridge.caffe.files.prototxt import interpret
from bridge.caffe.files.textformat import parse


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("convolution_param { engine: MKLDNN }", True),
        ("convolution_param { cudnn_convolution_algo_seeker: FINDEX }", True),
        ("quantization_params { bits: 8 }", False),
        ("multinode { num_nodes: 2 }", True),
        ("param { lr_mult: 1 lr_mult: 2 }", True),
        ("blobs_lr: 1", True),
        ("forward_type: FLOAT16", True),
        ("convolution_param { slope_filler { std: 1 } }", True),
        ("convolution_param { weight_filler { scale: 2 } }", True),
        ("convolution_param { holes: 2 }", False),
        ("name: 'a' name: 'b'", False),
    ],
)
def test_what_cannot_change_a_number(text: str, harmless: bool) -> None:
    (complaint,) = interpret(parse(text, "net.prototxt"), "LayerParameter")[0].complaints
    assert is_harmless(complaint) is harmless


def test_the_name_of_a_net_is_only_a_name() -> None:
    (complaint,) = interpret(parse("name: 'a' name: 'b'", "net.prototxt"))[0].complaints
    assert is_harmless(complaint)
