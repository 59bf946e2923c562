"""The lists of what is shipped: columns that do not run into each other."""

from __future__ import annotations

from scenarios.listing import policy_lines, policy_rows, shipped_rows


def test_names_and_titles_stand_two_spaces_apart() -> None:
    rows = policy_rows()
    lines = policy_lines(rows, full=False)
    longest = max(len(row["name"]) for row in rows)
    for row, line in zip(rows, lines, strict=True):
        assert line.startswith(f"{row['name']:<{longest}}  {row['title']}")


def test_every_shipped_scenario_has_a_question() -> None:
    assert all(row["question"] for row in shipped_rows())
