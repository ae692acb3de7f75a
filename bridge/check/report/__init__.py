"""The result of a comparison.

report.py  Report: the rows, as text and as plain data
page.py    the same as one HTML page
"""

from bridge.check.report.report import Report

__all__ = ["Report"]
