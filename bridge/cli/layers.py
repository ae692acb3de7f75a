"""The command layers."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bridge.cli.app import command
from bridge.cli.show import show_json, show_table


@command
def layers(
    *,
    json: Annotated[bool, Parameter(negative=(), help="For programs: one JSON object.")] = False,
) -> None:
    """List the Caffe layers that become ONNX, and the ONNX operators that become Keras.

    **Examples**

        python -m bridge layers

        python -m bridge layers --json
    """
    from bridge.support import LayerRow, OperatorRow, layer_rows, operator_rows

    if json:
        tables = {
            "layers": [row._asdict() for row in layer_rows()],
            "operators": [row._asdict() for row in operator_rows()],
        }
        show_json(tables)
        return
    show_table(LayerRow._fields, layer_rows())
    print()
    show_table(OperatorRow._fields, operator_rows())
