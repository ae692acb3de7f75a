"""The runtimes that graphs are written for: which of the options each of them wants.

docs/runtimes.md says what each makes of such graphs, and how it loads them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace

from bridge.errors import UsageError, did_you_mean
from bridge.public.options import WeightsMode


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Options of `caffe_to_onnx`; None where nothing is chosen. As text they are flags."""

    batch: int | None = None
    weights: WeightsMode | None = None
    inference: bool | None = None
    portable: bool | None = None

    def __str__(self) -> str:
        return " ".join(_flag(name, value) for name, value in vars(self).items() if value)

    def without(self, options: Mapping[str, object]) -> Choices:
        """Those that a call has not given itself."""
        names = [option.name for option in fields(self)]
        return replace(self, **{name: None for name in names if options.get(name) is not None})


@dataclass(frozen=True)
class Deployment:
    """A runtime in the release that it was measured with.

    choices  what is chosen where a call does not say: a batch, if it is free, how weights are
             written, and whether Dropout is left out, if there is any
    takes    the values of an option that it takes, where those are not all: option → values
    why      the reason for both
    """

    runtime: str
    version: str
    choices: Choices = Choices()
    takes: Mapping[str, Collection[object]] = field(default_factory=dict)
    why: str = ""

    def __str__(self) -> str:
        return f"{self.runtime} {self.version}"

    def chosen(self, options: Mapping[str, object]) -> Choices:
        """The choices for a call with these options: what is given wins.

        Raises UsageError for an option of which the runtime does not take the value.
        """
        for name, taken in self.takes.items():
            value = options.get(name)
            if value not in (None, False) and value not in taken:
                raise UsageError(
                    f"{self} does not take {_flag(name, value)}",
                    expected=", ".join(map(str, taken)) or None,
                    hint=f"leave out that, or --for: {self.why}",
                )
        return self.choices.without(options)


def _flag(name: str, value: object) -> str:
    flag = f"--{name.replace('_', '-')}"
    return flag if value is True else f"{flag} {value}"


DEPLOYMENTS: Mapping[str, Deployment] = {
    "onnxruntime-web": Deployment(
        "onnxruntime-web",
        "1.30.0",
        Choices(weights="inline"),
        why="weights in a file of their own have to be fetched and named by the page",
    ),
    "openvino": Deployment(
        "OpenVINO",
        "2026.4.1",
        Choices(inference=True),
        why="it calls the input of a Dropout by the name of its output",
    ),
    "opencv5": Deployment("OpenCV", "5.0.0.93"),
    "opencv4": Deployment(
        "OpenCV",
        "4.14.0.94",
        Choices(weights="inline", portable=True),
        {"weights": ("inline",)},
        "weights in a file of their own end its process, and a constant output is empty to it",
    ),
    "tract": Deployment(
        "tract",
        "0.23.9",
        Choices(batch=1),
        why="with a free batch it refuses a ResNet's downsampling",
    ),
    "tvm": Deployment(
        "TVM", "0.27.0.post1", Choices(batch=1), why="it compiles and tunes for fixed sizes"
    ),
    "iree": Deployment(
        "IREE",
        "3.13.0",
        Choices(batch=1, portable=True),
        why="its LRN gives wrong numbers with a free batch, and it compiles no transposed "
        "convolution with a group for each channel",
    ),
    "mnn": Deployment(
        "MNN",
        "3.6.1",
        Choices(batch=1, inference=True, portable=True),
        why="with a free batch its NonMaxSuppression keeps the first image's boxes only, it loses "
        "an output that a Dropout writes, and of equal maxima its ArgMax takes the first",
    ),
    "ncnn": Deployment(
        "ncnn",
        "by pnnx 20261020",
        Choices(batch=1, weights="inline", portable=True),
        {"weights": ("inline",), "dynamic": ()},
        "pnnx takes sizes as fixed, gives NaN for weights in a file of their own, and ends with an "
        "output that nothing computes; ncnn has no comparisons and no integers",
    ),
    "rknn": Deployment(
        "rknn-toolkit2",
        "2.5.0",
        Choices(batch=1),
        {"opset": range(13, 20), "dynamic": ()},
        "it compiles for fixed sizes, and reads opset 19 at most",
    ),
    "tinygrad": Deployment("tinygrad", "0.14.0"),
}
"""By the name that `--for` has for them. The reasons were seen on 2026-11-29, in these releases."""


def deployment(name: str) -> Deployment:
    """Raises UsageError for a name that is none of `DEPLOYMENTS`."""
    if name not in DEPLOYMENTS:
        raise UsageError(
            "there are no options for this runtime",
            expected=", ".join(DEPLOYMENTS),
            received=name,
            hint=did_you_mean(name, DEPLOYMENTS) or None,
        )
    return DEPLOYMENTS[name]
