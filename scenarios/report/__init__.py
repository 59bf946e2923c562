"""The report: one self-contained page, the answer first, that can be taken apart.

``write_report`` puts ``report.html`` beside the results; ``render`` gives its text. matplotlib is
imported only when a page is drawn.
"""

from scenarios.report.page import render, write_report

__all__ = ["render", "write_report"]
