"""What a .keras archive says of Keras's layers and operations, read off the installed Keras.

`bridge/archive` writes archives without importing Keras; what it has to know of it is in two
tables, which this makes. A layer is built once, with a weight of its own number for each role.
An operation of `keras.ops` is constructed and called once in its function's source.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# By the name of a layer: the arguments that it needs, and the shapes of its inputs.
IMAGES = {rank: (2, *(6,) * rank, 2) for rank in (1, 2, 3)}
MERGING = "Add Average Concatenate Maximum Minimum Multiply Subtract".split()
ELEMENTWISE = (
    "BatchNormalization ELU Identity LayerNormalization LeakyReLU Normalization PReLU "
    "RMSNormalization ReLU Softmax UnitNormalization"
).split()
SPATIAL = {
    "AveragePooling": {"pool_size": 2},
    "Conv": {"filters": 3, "kernel_size": 2},
    "Cropping": {"cropping": 1},
    "GlobalAveragePooling": {},
    "GlobalMaxPooling": {},
    "MaxPooling": {"pool_size": 2},
    "UpSampling": {"size": 2},
    "ZeroPadding": {"padding": 1},
}
LAYERS: Mapping[str, tuple[Mapping[str, Any], list[tuple[int, ...]]]] = {
    **{kind: ({}, [(2, 4), (2, 4)]) for kind in MERGING},
    **{kind: ({}, [(2, 6, 2)]) for kind in ELEMENTWISE},
    **{
        f"{kind}{rank}D": (options, [shape])
        for kind, options in SPATIAL.items()
        for rank, shape in IMAGES.items()
    },
    **{f"Conv{rank}DTranspose": (SPATIAL["Conv"], [shape]) for rank, shape in IMAGES.items()},
    **{f"DepthwiseConv{rank}D": ({"kernel_size": 2}, [IMAGES[rank]]) for rank in (1, 2)},
    **{f"SeparableConv{rank}D": (SPATIAL["Conv"], [IMAGES[rank]]) for rank in (1, 2)},
    **{kind: ({"units": 3}, [(2, 6, 2)]) for kind in ("Dense", "GRU", "SimpleRNN")},
    "LSTM": ({"units": 3, "unit_forget_bias": False}, [(2, 6, 2)]),
    "Activation": ({"activation": "relu"}, [(2, 4)]),
    "Dropout": ({"rate": 0.5}, [(2, 4)]),
    "EinsumDense": (
        {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"},
        [(2, 4)],
    ),
    "Embedding": ({"input_dim": 5, "output_dim": 3}, [(2, 4)]),
    "Flatten": ({}, [(2, 6, 2)]),
    "GroupNormalization": ({"groups": 2}, [(2, 6, 2)]),
    "Permute": ({"dims": (2, 1)}, [(2, 6, 2)]),
    "RepeatVector": ({"n": 2}, [(2, 4)]),
    "Rescaling": ({"scale": 2.0}, [(2, 4)]),
    "Reshape": ({"target_shape": (-1,)}, [(2, 4)]),
}
WITHOUT_INITIALIZERS = {
    "Normalization": ("adapt_mean", "adapt_variance"),
    "RMSNormalization": ("scale",),
}
ALWAYS = {"trainable", "name", "dtype"}  # written of each layer


def layers() -> bytes:
    """By class: the config of a layer without the arguments that it needs, the roles of its weights
    by their paths in the file, and what else it keeps there."""
    return _table({name: _layer(name, *LAYERS[name]) for name in sorted(LAYERS)})


def _layer(name: str, options: Mapping[str, Any], shapes: list[tuple[int, ...]]) -> Any:
    import keras
    import numpy as np

    kind = getattr(keras.layers, name)
    parameters = inspect.signature(kind).parameters
    roles = [p.removesuffix("_initializer") for p in parameters if p.endswith("_initializer")]
    number = {role: index + 11.0 for index, role in enumerate(roles)}
    values = {f"{role}_initializer": keras.initializers.Constant(n) for role, n in number.items()}
    if "data_format" in parameters:
        options = {**options, "data_format": "channels_last"}
    layer = kind(**options, **values)
    inputs = [keras.Input(batch_shape=shape) for shape in shapes]
    model = keras.Model(inputs, layer(inputs[0] if len(inputs) == 1 else inputs))
    for index, role in enumerate(WITHOUT_INITIALIZERS.get(name, ())):
        number[role] = index + 51.0
        variable = getattr(layer, role)
        variable.assign(np.full(variable.shape, number[role]))
    weights, state = {}, {}
    for path, dataset in _datasets(model):
        role = next((role for role, n in number.items() if np.all(dataset == n)), None)
        if role is None:
            state[path] = {"shape": dataset.shape, "dtype": str(dataset.dtype)}
        else:
            weights[path] = role
    config = _plain(kind(**options))
    # What was passed here, and what follows from it: the strides of a pooling are its size.
    derived = {
        k
        for k, v in config.items()
        if v is not None and k in parameters and parameters[k].default is None
    }
    left_out = (ALWAYS | options.keys() | derived) - {"data_format"}
    # Older releases lack some of what is None.
    config = {k: v for k, v in config.items() if v is not None and k not in left_out}
    return _filled(config=config, weights=weights, state=state)


def _plain(layer: Any) -> dict[str, Any]:
    """The config as JSON has it, without what differs from one run to the next."""
    import keras

    text = json.dumps(keras.saving.serialize_keras_object(layer)["config"])
    return json.loads(text)


def _datasets(model: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of the last layer, by their paths in its group, in the order of their names."""
    import h5py

    entries: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        model.save_weights(path)
        with h5py.File(path) as file:
            file["layers"].visititems(
                lambda path, item: (
                    entries.update({path: item[()]}) if hasattr(item, "dtype") else None
                )
            )
    yield from ((path.partition("/")[2], array) for path, array in entries.items())


def operations() -> bytes:
    """By function of `keras.ops`: the class of the operation and its module, the function's
    parameters with their defaults, and what of them the constructor and the call take."""
    from keras import ops

    functions = ((name, getattr(ops, name)) for name in sorted(dir(ops)))
    entries = {name: _operation(function) for name, function in functions if callable(function)}
    return _table({name: entry for name, entry in entries.items() if entry is not None})


def _operation(function: Any) -> Any:
    """None for a function that is more than one operation, or changes what it is passed."""
    (source,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    calls = [call for node in ast.walk(source) if (call := _symbolic(node, function.__globals__))]
    if len(calls) != 1:
        return None
    constructed, called = calls[0]
    kind = function.__globals__[constructed.func.id]
    parameters = inspect.signature(function).parameters.values()
    named = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    rest = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
    bound = inspect.signature(kind.__init__).bind(None, *constructed.args, **_keywords(constructed))
    passed = {name: _source(node) for name, node in list(bound.arguments.items())[1:]}
    bound.apply_defaults()
    arguments = [_source(node) for node in called.args]
    keywords = {name: _source(node) for name, node in _keywords(called).items()}
    if not {*passed.values(), *arguments, *keywords.values()} <= {*named, *(f"*{r}" for r in rest)}:
        return None
    constants = {k: v for k, v in bound.arguments.items() if k not in {*passed, "self", "name"}}
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    if not _is_plain([constants, defaults]):
        return None
    return _filled(
        module=kind.__module__,
        kind=kind.__name__,
        parameters=named,
        rest="".join(rest),
        defaults={k: "channels_last" if k == "data_format" else v for k, v in defaults.items()},
        config=passed,
        constants=constants,
        arguments=arguments,
        keywords=keywords,
    )


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def _symbolic(node: ast.AST, names: Mapping[str, Any]) -> tuple[ast.Call, ast.Call] | None:
    """The construction of an operation and its call on tensors, if this is one."""
    from keras import Operation

    if not isinstance(node, ast.Call):
        return None
    called = node.func
    if isinstance(called, ast.Attribute) and called.attr == "symbolic_call":
        called = called.value
    if not isinstance(called, ast.Call) or not isinstance(called.func, ast.Name):
        return None
    kind = names.get(called.func.id)
    return (called, node) if isinstance(kind, type) and issubclass(kind, Operation) else None


def _keywords(call: ast.Call) -> dict[str, Any]:
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def _source(node: ast.expr) -> str:
    """The parameter of the function that is passed on, or the code."""
    return ast.unparse(node)


def _table(entries: Mapping[str, Any]) -> bytes:
    """As JSON, an entry a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
