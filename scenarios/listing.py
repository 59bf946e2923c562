"""What comes with the product: scenarios and policies, as rows for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dispatch.config import Policy, load_policy, preset_names
from scenarios.loading import load_scenario
from scenarios.rules import in_words
from scenarios.shipped import scenario_file, shipped_names

_LIVE_USE = {
    "allowed": "may run live",
    "needs_sign_off": "live use needs a clinical sign-off",
    "simulation_only": "for simulation only",
}


def shipped_rows() -> list[dict[str, str]]:
    """Name, title, question and region of each shipped scenario."""
    rows = []
    for name in shipped_names():
        scenario = load_scenario(scenario_file(name))
        rows.append(
            {
                "name": name,
                "title": scenario.title,
                "question": scenario.question,
                "region": scenario.region.source,
            }
        )
    return rows


def policy_rows(name: str | None = None) -> list[dict[str, Any]]:
    """The shipped policies, or the one of this name or file.

    Raises:
        dispatch.errors.DispatchError: no such policy, or its file is wrong.
    """
    names = preset_names() if name is None else (name,)
    return [_row(load_policy(one)) for one in names]


def _row(policy: Policy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "title": policy.title,
        "live_use": policy.live_use.value,
        "rule": in_words(policy),
        "citation": policy.citation,
        "assumptions": list(policy.assumptions),
        "policy_id": policy.policy_id,
    }


def name_width(rows: Sequence[Mapping[str, Any]]) -> int:
    """Width of the column of names: the longest and two spaces."""
    return max((len(str(row["name"])) for row in rows), default=0) + 2


def policy_lines(rows: list[dict[str, Any]], *, full: bool) -> list[str]:
    """A list of policies, or one in full."""
    lines = []
    width = name_width(rows)
    for row in rows:
        lines.append(f"{row['name']:<{width}}{row['title']} ({_LIVE_USE[row['live_use']]})")
        if full:
            lines += ["", row["rule"], "", f"Source: {row['citation']}"]
            lines += [f"Assumption: {text}" for text in row["assumptions"]]
    return lines
