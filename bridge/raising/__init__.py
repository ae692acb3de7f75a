"""ONNX graph → Plan, by a table of rules and one forward sweep over the layouts."""

from bridge.raising import rules as rules  # fills the table
from bridge.raising.driver import raise_model
from bridge.raising.plan import Plan

__all__ = ["Plan", "raise_model"]
