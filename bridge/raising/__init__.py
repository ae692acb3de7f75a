"""ONNX graph → Plan, with a table of rules and a few layout passes."""

from bridge.raising import rules as rules  # fills the table
from bridge.raising.driver import raise_model
from bridge.raising.plan import Plan
from bridge.raising.table import TABLE

__all__ = ["TABLE", "Plan", "raise_model"]
