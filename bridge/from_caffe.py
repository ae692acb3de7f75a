"""From the files of a Caffe net to its ONNX model, as the options of a conversion have it.

Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import after
from bridge.public.deployment import Choices
from bridge.public.options import LoweringOptions, PathLike

if TYPE_CHECKING:
    from bridge.caffe.net import Net
    from bridge.lower.model import LoweredModel


def lowered_net(
    prototxt: PathLike, caffemodel: PathLike | None, options: LoweringOptions
) -> LoweredModel:
    """The ONNX model of a Caffe net; without weights, its fillers initialise them."""
    return lowered_for(prototxt, caffemodel, options, Choices())[0]


def lowered_for(
    prototxt: PathLike, caffemodel: PathLike | None, options: LoweringOptions, choices: Choices
) -> tuple[LoweredModel, Choices]:
    """`lowered_net` with what is chosen for a runtime, and the choices that changed something: a
    batch that the net itself fixes stays as it is, and there may be no Dropout to leave out."""
    from bridge.caffe.match import with_filled_weights
    from bridge.lower.expected_shapes import BATCH
    from bridge.lower.inference import dropouts, without_dropouts

    net = read_net(prototxt, caffemodel, options, with_filled_weights)
    lowered = lower_net(net, options)
    if choices.portable:
        options = replace(options, portable=True)
        plain, lowered = lowered, lower_net(net, options)
        choices = replace(choices, portable=lowered.proto != plain.proto or None)
    if choices.inference:
        left_out = next(dropouts(lowered), None) is not None
        choices = replace(choices, inference=left_out or None)
        options = replace(options, inference=left_out)
        lowered = without_dropouts(lowered) if left_out else lowered
    if choices.batch is None:
        return lowered, choices
    if all(BATCH not in shape for shape in lowered.inputs.values()):
        return lowered, replace(choices, batch=None)
    return lower_net(net, replace(options, batch=choices.batch)), choices


def read_net(
    prototxt: PathLike,
    caffemodel: PathLike | None,
    options: LoweringOptions,
    complete: Callable[[Net], Net],
) -> Net:
    """Reads the net with these options; `complete` adds the weights if there are none."""
    from bridge.caffe import read
    from bridge.caffe.preprocessing import preprocessed
    from bridge.lower import understood
    from bridge.plugins import load_file

    for plugin in options.plugins:
        load_file(plugin)
    net = read(
        prototxt,
        caffemodel,
        phase=options.phase,
        stages=options.stages,
        level=options.level,
        input_shape=options.shapes,
        allow_missing_weights=options.allow_missing_weights,
        hold=partial(understood, outputs=options.output_names, ignore_fields=options.ignored),
    )
    with after(net.warnings):
        if caffemodel is None and not any(layer.blobs for layer in net.layers):
            net = complete(net)
        return preprocessed(net, options.mean, options.scale, rgb=options.rgb)


def lower_net(net: Net, options: LoweringOptions) -> LoweredModel:
    """Lowers a net to ONNX with these options."""
    from bridge.lower import lower

    with after(net.warnings):
        lowered = lower(
            net,
            input_shape=options.shapes,
            batch=options.batch,
            opset=options.opset,
            outputs=options.output_names,
            dynamic=options.dynamic,
            portable=options.portable,
            ignore_fields=options.ignored,
        )
    if options.fold_bn:
        from bridge.lower.fold_bn import fold_batch_norms

        lowered = fold_batch_norms(lowered)
    if options.fold_bn or options.inference:
        from bridge.lower.inference import without_dropouts

        lowered = without_dropouts(lowered)
    return lowered


def _files(*paths: PathLike | None) -> list[Path]:
    """The files among these; a folder is refused when it is read."""
    return [Path(path) for path in paths if path is not None and not Path(path).is_dir()]


def files_of(
    prototxt: PathLike, caffemodel: PathLike | None, options: LoweringOptions
) -> list[Path]:
    """The files that a Caffe net is read from."""
    mean = options.mean if isinstance(options.mean, str | Path) else None
    return _files(prototxt, caffemodel, mean, *options.plugins)
