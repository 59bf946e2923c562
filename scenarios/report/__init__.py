"""The report: one self-contained page, the answer first, that can be taken apart.

``scenarios.report.page.write_report`` puts ``report.html`` beside the results; ``render`` gives its
text. matplotlib is imported only when a page is drawn.
"""
