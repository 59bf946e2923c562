"""What the records of a study say: estimates with intervals, paired differences, the answer.

The model averages nothing; everything is computed here from the flat tables.
``scenarios.metrics.summary.summarise`` turns them (``panel.Tables``, ``facts.StudyFacts``) into a
``shape.Summary`` of plain structs, which is what ``summary.json`` holds and all that the report
knows of the numbers. ``facts`` imports nothing heavy.
"""
