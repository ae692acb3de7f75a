"""The result of a comparison.

report.py  Report: the rows, as text and as plain data
page.py    the same as one HTML page
plot.py    its plot of errors
where.py   its maps of where images differ
drawn.py   its graph
closer.py  how many values differ: the runs once more, for those that do
"""

from bridge.check.report.report import Report

__all__ = ["Report"]
