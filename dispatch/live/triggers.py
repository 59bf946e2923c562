"""Which calls alert volunteers: a table of the service's own triage codes.

The shipped table is fictional. A real one is made by the service that takes the calls; code lists
of triage products are not ours to publish.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from enum import StrEnum
from importlib import resources
from pathlib import Path

from msgspec import Struct

from dispatch.live.errors import SettingsError

COLUMNS = ("code", "action", "meaning")
FLAGS = (
    "child",
    "trauma",
    "care_home",
    "expected_death",
    "do_not_resuscitate",
    "violence",
    "hazard",
    "drowning",
    "overdose",
)
DEFAULT_EXCLUDED = frozenset(FLAGS) - {"drowning", "overdose"}


class Action(StrEnum):
    """What a code leads to."""

    ALERT = "alert"  # an arrest as far as control can tell
    READY = "ready"  # suspected: ready everything, wake nobody before control confirms
    NONE = "none"  # not for volunteers


class Rule(Struct, frozen=True):
    """One row of the table."""

    code: str
    action: Action
    meaning: str


class Decision(Struct, frozen=True):
    """What to do with a call, and why."""

    action: Action
    reason: str  # listed | not_listed | excluded:FLAG | no_code


class TriggerTable:
    """Codes and the flags that rule a call out. ``excluded``: flags for which nobody is asked."""

    def __init__(self, rules: Collection[Rule], excluded: Collection[str]) -> None:
        self._rules = {rule.code.upper(): rule for rule in rules}
        self.excluded = frozenset(excluded)

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every row, by code."""
        return tuple(self._rules[code] for code in sorted(self._rules))

    def decide(self, code: str, flags: Collection[str]) -> Decision:
        """Decide about a call. A code that is not listed is suspected: a person must look.

        Blanks around a code and its case do not matter.
        """
        code = code.strip()
        for flag in sorted(flags):
            if flag in self.excluded:
                return Decision(Action.NONE, f"excluded:{flag}")
        if not code:
            return Decision(Action.ALERT, "no_code")
        rule = self._rules.get(code.upper())
        if rule is None:
            return Decision(Action.READY, "not_listed")
        return Decision(rule.action, "listed")


def load_table(path: Path | None, excluded: Collection[str] = DEFAULT_EXCLUDED) -> TriggerTable:
    """Read a table from CSV (columns code, action, meaning); None: the fictional demo table.

    Raises:
        SettingsError: with every fault, by line.
    """
    if path is None:
        text = (resources.files("dispatch.live") / "demo_triggers.csv").read_text("utf-8")
        name = "demo_triggers.csv"
    else:
        try:
            text, name = path.read_text("utf-8-sig"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: expected a readable CSV in UTF-8 ({error})") from error
    return TriggerTable(_read(text, name), excluded)


def _read(text: str, name: str) -> list[Rule]:
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames is None or not set(COLUMNS) <= set(rows.fieldnames):
        raise SettingsError(f"{name}: line 1: expected the columns {', '.join(COLUMNS)}")
    rules: list[Rule] = []
    faults: list[str] = []
    seen: set[str] = set()
    actions = ", ".join(Action)
    for row in rows:
        code, action = (row["code"] or "").strip(), (row["action"] or "").strip().lower()
        where = f"{name}: line {rows.line_num}"
        if not code:
            faults.append(f"{where}: code: expected a code")
        elif code.upper() in seen:
            faults.append(f"{where}: code: {code} stands in the table twice")
        elif action not in set(Action):
            faults.append(f"{where}: action: expected one of {actions}, found {action!r}")
        else:
            seen.add(code.upper())
            rules.append(Rule(code, Action(action), (row["meaning"] or "").strip()))
    if faults:
        raise SettingsError("\n".join(faults))
    return rules
