"""The ``[benefit]`` table of a policy file, derived offline from the joint rhythm model.

``python -m scenarios.benefit FILE`` writes it anew at the end of a policy file, so that the live
service reads numbers and judges nothing. The shipped preset ``benefit`` was made this way.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sim.outcomes import benefit_table
from sim.parameters import OutcomeParameters, PatientParameters

CPR_AXIS_S = (0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 420.0, 480.0, 600.0, 720.0, 900.0)
SHOCK_AXIS_S = (
    0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 420.0, 480.0, 540.0, 600.0, 720.0, 900.0, 1200.0,
    1800.0,
)  # fmt: skip
HEADING = "[benefit]\n"


def benefit_section() -> str:
    """The table as TOML, under the simulator's default patient and outcome parameters."""
    table = benefit_table(CPR_AXIS_S, SHOCK_AXIS_S)
    rows = "\n".join(f"    [{', '.join(f'{value:.4f}' for value in row)}]," for row in table)
    return (
        f"{HEADING}derivation = {_quoted(_derivation())}\n"
        f"t_cpr_s = {_numbers(CPR_AXIS_S)}\n"
        f"t_shock_s = {_numbers(SHOCK_AXIS_S)}\n"
        f"value = [\n{rows}\n]\n"
    )


def rewrite(path: Path) -> None:
    """Put a fresh table at the end of a policy file, in place of the one that stands there."""
    head = path.read_text(encoding="utf-8").partition(HEADING)[0].rstrip()
    fresh = path.with_suffix(".tmp")
    fresh.write_text(f"{head}\n\n{benefit_section()}", encoding="utf-8")
    os.replace(fresh, path)  # noqa: PTH105 - named as what it is: atomic


def _derivation() -> str:
    patient, outcome = PatientParameters(), OutcomeParameters()
    return (
        "Survival under the joint rhythm model (VF decay: Waalewijn 2002; VF: Valenzuela 1997, "
        "coefficients unverified; other rhythms: Waalewijn 2001 model II), seconds from the call, "
        "averaged over the time before it. Inputs: shockable at collapse "
        f"{outcome.shockable_at_collapse:g}, intercept {outcome.intercept:g}, other rhythms "
        f"without delay {outcome.non_shockable_level:g}, witnessed {patient.witnessed_share:g}. "
        "Made by scenarios.benefit; rounded to 0.0001."
    )


def _numbers(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:.1f}' for value in values)}]"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    rewrite(Path(sys.argv[1]))
