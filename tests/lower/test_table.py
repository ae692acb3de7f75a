from __future__ import annotations

import inspect

import pytest

from bridge.caffe import schema
from bridge.caffe.net import Layer
from bridge.errors import Location, UnsupportedLayerError, UsageError
from bridge.lower import TABLE, Emitter, Value
from bridge.lower.table import Entry, layer

TO_THE_SCHEMA = "write it in bridge/caffe/schema/caffe.proto, then run scripts/generate"


def _messages() -> list[tuple[str, Entry]]:
    # What a Python layer takes is no message.
    own = (None, "python_param")
    return [(type_, entry) for type_, entry in TABLE.items() if entry.params not in own]


@pytest.mark.parametrize(("type_", "entry"), _messages(), ids=lambda value: str(value)[:30])
def test_defaults_are_those_of_the_schema(type_: str, entry: Entry) -> None:
    messages = schema.fields("LayerParameter")
    assert entry.params in messages, f"LayerParameter has no field {entry.params}: {TO_THE_SCHEMA}"
    message = messages[str(entry.params)].message
    fields = schema.fields(message)
    for name, parameter in inspect.signature(entry.rule).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        assert name in fields, f"{message} has no field {name}: {TO_THE_SCHEMA}"
        default = fields[name].default
        if parameter.default in (None, ()) or parameter.default is inspect.Parameter.empty:
            continue  # where the text is silent, the rule does something of its own
        if (message, name) in _SET_BY_ABSENCE:
            assert parameter.default == _SET_BY_ABSENCE[message, name]
        else:
            complaint = f"{message}.{name} has another default in bridge/caffe/schema/caffe.proto"
            assert parameter.default == pytest.approx(default), complaint


def test_a_rule_with_fields_names_their_message() -> None:
    for type_, entry in TABLE.items():
        kinds = {parameter.kind for parameter in entry.signature.parameters.values()}
        complaint = f'name the message of its fields: @layer("{type_}", params="..._param")'
        assert entry.params or inspect.Parameter.KEYWORD_ONLY not in kinds, complaint


# The schema has no default, or another than what Caffe makes of the field's absence.
_SET_BY_ABSENCE = {
    ("BatchNormParameter", "use_global_stats"): True,
    ("ConvolutionParameter", "stride"): (1,),
    ("ConvolutionParameter", "pad"): (0,),
    ("DetectionOutputParameter", "confidence_threshold"): -3.4028234663852886e38,
    ("PoolingParameter", "stride"): (1,),
    ("PoolingParameter", "pad"): (0,),
    ("TileParameter", "tiles"): 1,
}


def test_a_second_rule_for_a_type_is_refused() -> None:
    with pytest.raises(UsageError, match="'ReLU' has a rule already"):

        @layer("ReLU")
        def another(e: Emitter, layer: Layer, x: Value) -> Value:
            return x


def test_a_setting_that_no_rule_knows_is_refused() -> None:
    where = Location("net.prototxt", 3)
    settings = {"permute_param": {"order": [0, 1], "backwards": True}}
    built = Layer("p", "Permute", ("x",), ("y",), where, settings)
    with pytest.raises(UnsupportedLayerError, match=r"net.prototxt:3.*backwards"):
        TABLE["Permute"].arguments(built)


def test_settings_of_learning_are_passed_over() -> None:
    settings = {"prelu_param": {"filler": {"type": "xavier"}, "channel_shared": True}}
    built = Layer("p", "PReLU", ("x",), ("y",), Location("net.prototxt", 3), settings)
    assert TABLE["PReLU"].arguments(built) == {"channel_shared": True}


def test_bottoms_that_the_rule_is_not_made_for() -> None:
    e = Emitter()
    x = e.input("x", (1, 2))
    built = Layer("r", "ReLU", ("x", "x"), ("y",), Location("net.prototxt", 3))
    with pytest.raises(UnsupportedLayerError, match="2 bottoms are not supported, only 1 bottom"):
        TABLE["ReLU"].apply(e, built, x, x)
