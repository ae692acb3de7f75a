"""The result of a comparison.

report.py  Report: the rows, as text and as plain data
page.py    the same as one HTML page
drawn.py   the graph of a comparison
"""

from bridge.check.report.report import Report

__all__ = ["Report"]
