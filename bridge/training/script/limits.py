"""What a script can say of a training: the targets of its losses, and the layers of its net."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.layout import Layout, moves
from bridge.raising.plan import refs_in
from bridge.training.net.setup import Setup
from bridge.training.solving.native import Reasons


def targets(setup: Setup) -> list[str]:
    """What a data layer gives besides the inputs of the model, in the order of the outputs where
    each has one label."""
    own = labels(setup)
    if None not in own:
        return [label for label in own if label]
    read = (name for layer in setup.objectives.measuring for name in layer.bottoms)
    return [name for name in dict.fromkeys(read) if name not in setup.plan.outputs]


def read_outputs(setup: Setup) -> list[str]:
    """The outputs of the model that anything measures."""
    read = {name for layer in setup.objectives.measuring for name in layer.bottoms}
    return [name for name in setup.plan.outputs if name in read]


def labels(setup: Setup) -> list[str | None]:
    """The one label of each output that is read; None for one that has none, or several."""
    result = list[str | None]()
    for output in read_outputs(setup):
        readers = [x.bottoms for x in setup.objectives.measuring if x.bottoms[0] == output]
        own = {tuple(bottoms[1:]) for bottoms in readers}
        (label,) = own if len(own) == 1 else (("", ""),)
        result.append(label[0] if len(label) == 1 else None)
    return result


def unscripted(setup: Setup, why: Reasons) -> Iterator[str]:
    """Why no script trains a net as Caffe does; nothing if one does."""
    yield from (*why.net, *why.objective)
    for name in setup.overwritten:
        if after(setup, name) is None:
            yield f"'{name}' is overwritten by what is no layer of Keras"
    for remembered in setup.remembered:
        own = remembered.normalization
        if own.by_batch and not own.factor.blob.array().any() and own.mean.blob.array().any():
            yield f"'{own.layer}' has sums whose weight is 0"
    if why.losses:
        yield from _unscripted_losses(setup)


def _unscripted_losses(setup: Setup) -> Iterator[str]:
    for layer in setup.objectives.measuring:
        if layer.type == "InfogainLoss" and len(layer.bottoms) < 3:
            yield f"the loss '{layer.name}' has its matrix in a file"
        if layer.type == "Accuracy" and None in labels(setup):
            yield f"'{layer.name}' measures one of several results, whose losses Keras has not"
        for name in layer.bottoms:
            if name in setup.plan.values and undone(setup, name) is None:
                yield f"the loss '{layer.name}' reads a value that Keras stores in parts"


def undone(setup: Setup, value: str) -> list[tuple[str, tuple[int, ...]]] | None:
    """The operations, with their argument, from the layout of a value to Caffe's axes; None if
    there are none such for a batch of any size."""
    layout = setup.plan.values[value].layout
    steps = moves(layout, Layout.identity(layout.logical_shape))
    if steps is None:
        return None
    named = (("reshape", steps.before), ("transpose", steps.order), ("reshape", steps.after))
    result = []
    for operation, sizes in named:
        if sizes is not None:
            free = [-1 if not isinstance(size, int) else size for size in sizes]
            if any(size == -1 for size in free[1:]):
                return None
            result.append((operation, tuple(free)))
    return result


def after(setup: Setup, relu: str) -> list[str] | None:
    """The layers that work in place on the result of a ReLU; None if anything else does."""
    calls = {call.id: call for call in setup.plan.calls}
    call = calls[setup.plan.values[setup.overwritten[relu].last].ref.call]
    result = list[str]()
    while call.name != relu:
        if not call.target.startswith("layers.") or len(call.arguments) != 1:
            return None
        result.insert(0, call.name)
        (ref,) = refs_in(call.arguments)
        if ref.call not in calls:
            return None
        call = calls[ref.call]
    return result
