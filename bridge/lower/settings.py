"""The types of a rule's keyword arguments, by which fields without a schema are read.

The type is that of the annotation, or else of the default: `limit: float`, `sizes: Sequence[int]`,
`mode="LINEAR"`. For `X | None` it is X. Without either, a value is read as it looks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from bridge.caffe.files import scalars
from bridge.caffe.files.textformat import Field, Scalar
from bridge.caffe.files.untyped import Untyped
from bridge.caffe.schema import FieldType
from bridge.errors import PrototxtError

_KINDS = {float: "float", int: "int", bool: "bool", str: "string", dict: "message"}
_KINDS |= {Mapping: "message"}
_LISTS = (list, tuple, set, Sequence, Collection, Iterable)
_INTEGERS = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Setting:
    """One keyword argument: a kind of the schema's, "" for a value read as it looks, or "number" if
    the default is an integer; `names` are the words that it may be."""

    kind: str = ""
    is_list: bool = False
    names: tuple[str, ...] = ()

    @property
    def field_type(self) -> FieldType:
        names = dict(enumerate(self.names))
        return FieldType("", self.kind, False, None, names=names, integers=_INTEGERS)


def settings(rule: Callable[..., Any]) -> Mapping[str, Setting]:
    """A rule's settings, by name."""
    return {
        name: _of_hint(_hint(rule, parameter)) or _of_default(parameter.default)
        for name, parameter in inspect.signature(rule).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }


def read(message: Untyped, name: str, setting: Setting) -> Any:
    """The value of a field. Raises PrototxtError where it is of another kind."""
    fields = message.fields(name)
    values = [_value(message, field, setting) for field in fields]
    if setting.is_list:
        return values
    if len(values) == 1 or all(value == values[0] for value in values):
        return values[0]
    if not setting.kind:
        return values
    raise PrototxtError(
        f"'{name}' is set {len(values)} times",
        where=message.source.at(fields[1].offset),
        expected="one value, as the layer's rule declares it",
        received=", ".join(map(str, values)),
        hint="a rule that takes a list is annotated so: Sequence[float]",
    )


def _value(message: Untyped, field: Field, setting: Setting) -> Any:
    if not isinstance(field.value, Scalar):
        if setting.kind in ("", "message"):
            return Untyped(field.value, message.source)
        received = "a message { ... }"
    else:
        value = _scalar(field.value, setting)
        if value is not None:
            return value
        received = field.value.text
    raise PrototxtError(
        f"'{field.name}' has a value of the wrong kind",
        where=message.source.at(field.offset),
        expected=_expected(setting),
        received=received,
    )


def _scalar(value: Scalar, setting: Setting) -> Any:
    match setting.kind:
        case "":
            return scalars.as_it_looks(value)
        case "message":
            return None
        case "number":
            looks = scalars.as_it_looks(value)
            return None if isinstance(looks, bool | str) else looks
        case "string":  # for an enum, its word
            return None if value.kind == "number" else value.text
        case "enum":
            return value.text if value.text in setting.names else None
    return scalars.read(value, setting.field_type)


def _expected(setting: Setting) -> str:
    if setting.kind in ("message", "number"):
        return {"message": "a message { ... }", "number": "a number"}[setting.kind]
    return scalars.expected(setting.field_type)


def _hint(rule: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """A parameter's annotation; None if there is none, or it names what only type checkers see."""
    alone = SimpleNamespace(__annotations__={"it": parameter.annotation})
    if parameter.annotation is parameter.empty:
        return None
    try:
        return get_type_hints(alone, getattr(rule, "__globals__", {}))["it"]
    except (NameError, TypeError, AttributeError, SyntaxError):
        return None


def _of_hint(hint: Any) -> Setting | None:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        kinds = [argument for argument in arguments if argument is not NoneType]
        return _of_hint(kinds[0]) if len(kinds) == 1 else None
    if origin is Literal and all(isinstance(argument, str) for argument in arguments):
        return Setting("enum", names=arguments)
    if hint in _LISTS or origin in _LISTS:
        inner = (_of_hint(arguments[0]) if arguments else None) or Setting()
        return replace(inner, is_list=True)
    kind = _KINDS.get(origin or hint)
    return Setting(kind) if kind else None


def _of_default(default: Any) -> Setting:
    if isinstance(default, list | tuple):
        return Setting(_of_default(default[0]).kind if default else "", is_list=True)
    kind = _KINDS.get(type(default), "")
    return Setting("number" if kind == "int" else kind)
