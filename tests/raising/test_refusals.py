"""What is told of the nodes that cannot be raised."""

from __future__ import annotations

import pytest

from bridge import ir
from bridge.errors import UnsupportedError
from bridge.raising.refusals import WIDTH, no_rule, refused


def nodes(number: int, operator: str, domain: str = "") -> list[ir.Node]:
    x = ir.Node("", "Relu", [], outputs=[ir.Value(name="before")]).outputs[0]
    return [
        ir.Node(domain, operator, [x], outputs=[ir.Value(name=f"y{i}")], name=f"{operator}/{i}")
        for i in range(number)
    ]


def test_nodes_without_a_rule_are_counted_by_operator() -> None:
    assert str(no_rule([*nodes(3, "Odd"), *nodes(1, "Even")])) == (
        "no Keras rule for these nodes:\n"
        "  3 × Odd (nodes 'Odd/0', 'Odd/1', 'Odd/2')\n"
        "  node 'Even/0' (Even)\n"
        "  hint: --outputs before ends the graph before them;\n"
        "        a plug-in can add a rule with @bridge.raises(...)"
    )


def test_the_names_of_many_nodes_are_as_many_as_a_line_takes() -> None:
    line = str(no_rule(nodes(40, "Fancy"))).splitlines()[1].lstrip()
    assert line.startswith("40 × Fancy (nodes 'Fancy/0', 'Fancy/1'")
    assert line.endswith(", …)")
    assert len(line) <= WIDTH


@pytest.mark.parametrize(
    ("domain", "word"),
    [
        ("com.microsoft", "optimisers"),
        ("ai.onnx.ml", "not nets"),
        ("ai.onnx.preview.training", "inference"),
    ],
)
def test_a_domain_is_explained(domain: str, word: str) -> None:
    refusal = no_rule(nodes(2, "Odd", domain))
    assert f"2 × {domain}::Odd" in str(refusal)
    assert word in str(refusal.hint)


def test_many_operators_are_only_named() -> None:
    text = str(no_rule([node for i in range(20) for node in nodes(1, f"Odd{i}")]))
    assert "and 14 more: Odd6, Odd7, Odd8, Odd9, Odd10, Odd11, Odd12, Odd13, …" in text
    assert len(text.splitlines()) <= 20


def test_refusals_of_one_operator_and_reason_are_one() -> None:
    first, second, third = nodes(3, "Odd")
    refusals = [
        (first, UnsupportedError("input 'a' must be a constant", received="a tensor")),
        (second, UnsupportedError("input 'b' must be a constant", received="a tensor")),
        (third, UnsupportedError("Odd of integers")),
    ]
    assert str(refused(refusals)) == (
        "these nodes cannot become Keras layers:\n"
        "  2 × Odd (nodes 'Odd/0', 'Odd/1'): input 'a' must be a constant\n"
        "    received: a tensor\n"
        "  node 'Odd/2' (Odd): Odd of integers\n"
        "  hint: --outputs before ends the graph before them"
    )
