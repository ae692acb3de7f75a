"""The law of a prototxt's fields: one that is not understood never gives other numbers.

Each golden net is changed in one field, as users and forks change them: a name misspelt, a field of
another message, a word that no enum has, a second value. Then it is refused, or the graph stays as
it was, weights and all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from bridge.caffe import read, schema
from bridge.caffe.files.textformat import Field, Scalar, parse
from bridge.errors import BridgeError
from bridge.graph.io import to_proto
from bridge.lower import lower, understood
from tests.helpers.golden_cases import Case, cases

CHANGES_OF_A_KIND = 3

# A field, and the message of the schema that it stands in.
Known = tuple[Field, str]
Change = Callable[[str, Field, str, Random], str | None]


def known_fields(fields: tuple[Field, ...], message: str) -> Iterator[Known]:
    """All fields of a net, at any depth."""
    for field in fields:
        yield field, message
        if not isinstance(field.value, Scalar):
            yield from known_fields(field.value, schema.fields(message)[field.name].message)


def misspelt(text: str, field: Field, message: str, random: Random) -> str | None:
    """A letter of the name doubled, left out, or changed for its neighbour's."""
    name = field.name
    at = random.randrange(max(1, len(name) - 1))
    variants = (
        name[:at] + name[at] + name[at:],
        name[:at] + name[at + 1 :],
        name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :],
    )
    other = random.choice(variants)
    if other in schema.fields(message) or not other[:1].isalpha():
        return None
    return text[: field.offset] + other + text[field.offset + len(name) :]


def of_another_fork(text: str, field: Field, message: str, random: Random) -> str | None:
    """A field that other messages have, and this one has not."""
    names = [name for name in _FIELDS if name not in schema.fields(message)]
    name = random.choice(names)
    return f"{text[: field.offset]}{name} {_FIELDS[name]} {text[field.offset :]}"


def with_another_word(text: str, field: Field, message: str, random: Random) -> str | None:
    if schema.fields(message)[field.name].kind != "enum" or not isinstance(field.value, Scalar):
        return None
    at = text.index(field.value.text, field.offset + len(field.name))
    return f"{text[:at]}{random.choice(('ODD_', 'M'))}{text[at:]}"


def set_twice(text: str, field: Field, message: str, random: Random) -> str | None:
    """The same field behind it, to another value."""
    kind = schema.fields(message)[field.name]
    if kind.repeated or not isinstance(field.value, Scalar):
        return None
    words = [word for word in kind.names.values() if word != field.value.text]
    value = {
        "int": random.choice("234567"),
        "float": f"0.{random.randrange(1, 99):02}7",
        "bool": "false" if field.value.text == "true" else "true",
        "string": '"ReLU"',
        "enum": random.choice(words) if words else field.value.text,
        "word": "SIGMOID",
    }[kind.kind]
    end = text.index(field.value.text, field.offset + len(field.name)) + len(field.value.text)
    end += kind.kind == "string"
    return f"{text[:end]} {field.name}: {value} {text[end:]}"


CHANGES = (misspelt, of_another_fork, with_another_word, set_twice)


def _value(kind: schema.FieldType) -> str:
    if kind.kind == "message":
        return "{ }"
    word = next(iter(kind.names.values()), "")
    return ": " + {"bool": "true", "string": '"a"', "enum": word}.get(kind.kind, "2")


def _layer_messages() -> set[str]:
    messages = {kind.message for kind in schema.fields("LayerParameter").values() if kind.message}
    return messages - {"BlobProto", "NetStateRule"}


# Every field of a layer's message, as text that sets it.
_FIELDS = {
    name: _value(kind)
    for message in sorted(_layer_messages())
    for name, kind in schema.fields(message).items()
}


def changed_texts(text: str, case: str) -> Iterator[str]:
    random = Random(case)
    fields = list(known_fields(parse(text, "net.prototxt").fields, "NetParameter"))
    for change in CHANGES:
        for field, message in random.sample(fields, min(CHANGES_OF_A_KIND, len(fields))):
            result = change(text, field, message, random)
            if result is not None:
                yield result


def graph(prototxt: Path, case: Case) -> bytes:
    """The whole graph with its weights, by any name."""
    shapes = {name: array.shape for name, array in case.inputs.items()}
    net = read(prototxt, case.caffemodel, hold=understood)
    proto = to_proto(lower(net, input_shape=shapes))
    proto.graph.name = "any"
    return proto.SerializeToString(deterministic=True)


@pytest.mark.parametrize("case", cases(without={"alias"}), ids=str)
def test_a_field_that_is_not_understood_gives_no_other_graph(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    text = case.prototxt.read_text(encoding="utf-8")
    sound = None
    for other in changed_texts(text, str(case)):
        path.write_text(other, encoding="utf-8")
        try:
            result = graph(path, case)
        except BridgeError:
            continue
        sound = sound or graph(case.prototxt, case)
        assert result == sound, other
