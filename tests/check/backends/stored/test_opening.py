"""Models without a graph: they are compared, and predict, as they are stored."""

from __future__ import annotations

from bridge.check.backends.exported import Exported, Port
from bridge.check.backends.stored.opening import as_stored
from tests.helpers.small_net import Array


def test_an_export_has_its_own_names_and_shapes() -> None:
    def run(arrays: list[Array]) -> list[Array]:
        return [array + 1 for array in arrays]

    ports = (Port("x", (None, 4, 3), "float32"),), (Port("y", (None, 4, 3), "float32"),)
    backend = as_stored(Exported("net.tflite", *ports, run))
    assert backend.inputs == {"x": (("x_0", 4, 3), "float32")}
    assert tuple(backend.outputs) == ("y",)
