"""Back-cast: the planner's own response times beside the simulated ones of the comparator.

English services are judged by the mean and the 90th percentile of their response times, so these
two decide the verdict; median, shares and the Kolmogorov-Smirnov distance stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Verdict = Literal["fits", "does_not_fit", "too_few", "not_tested"]

THRESHOLD = 0.05  # of mean and 90th percentile: what a planner of a service accepts
FEWEST_OBSERVED = 30  # below this no verdict: assumption
SHARES_S = (420, 480, 900)  # England Category 1: 7 min mean and 15 min P90; Wales and Scotland: 8


class ResponseTimes(Struct, frozen=True):
    """Figures of one set of times, call to ambulance at the scene."""

    n: int
    mean_s: float | None
    median_s: float | None
    p90_s: float | None
    within: dict[str, float | None]  # share by limit in seconds: "420", "480", "900"


class BackCast(Struct, frozen=True, kw_only=True):
    """Observed beside simulated. ``misfit``: simulated over observed minus 1 for times, the plain
    difference for shares; keys ``mean_s, median_s, p90_s, within_420, within_480, within_900``.
    """

    verdict: Verdict
    sentence: str
    source: str  # file that the observed times come from
    threshold: float = THRESHOLD
    observed: ResponseTimes
    simulated: ResponseTimes
    misfit: dict[str, float | None]
    # What a random sample of this size would leave open: half width of the 95 % interval of the
    # observed mean, relative to it.
    observed_mean_half_width: float | None = None
    ks_distance: float | None = None  # largest gap between the two cumulative curves, 0..1
    ks_p: float | None = None  # of two samples from one law; small with many rows, however close


def back_cast(
    observed_s: Iterable[float],
    simulated_s: Iterable[float],
    *,
    source: str,
    replayed: bool = False,
) -> BackCast:
    """Compare two sets of response times in seconds; what is not finite is left out.

    ``replayed``: the simulation took its times from the observed ones, so a fit proves nothing.
    Misfit and threshold as in ``BackCast``; distance and p: two-sample Kolmogorov-Smirnov
    (``scipy.stats.ks_2samp``).
    """
    own, ours = (_finite(times) for times in (observed_s, simulated_s))
    observed, simulated = figures(own), figures(ours)
    misfit = _misfit(observed, simulated)
    verdict = _verdict(own, ours, misfit, replayed=replayed)
    distance, p = _distance(own, ours)
    return BackCast(
        verdict=verdict,
        sentence=_sentence(verdict, misfit, len(own)),
        source=source,
        observed=observed,
        simulated=simulated,
        misfit=misfit,
        observed_mean_half_width=_half_width(own),
        ks_distance=distance,
        ks_p=p,
    )


def figures(times_s: Floats) -> ResponseTimes:
    """Mean, median, 90th percentile and shares within the limits; ``None`` without any time."""
    if len(times_s) == 0:
        return ResponseTimes(0, None, None, None, {str(limit): None for limit in SHARES_S})
    return ResponseTimes(
        len(times_s),
        float(times_s.mean()),
        float(np.median(times_s)),
        float(np.quantile(times_s, 0.9)),
        {str(limit): float(np.mean(times_s <= limit)) for limit in SHARES_S},
    )


def _finite(times: Iterable[float]) -> Floats:
    values = np.asarray(list(times), np.float64)
    return np.asarray(values[np.isfinite(values)])


def _misfit(observed: ResponseTimes, simulated: ResponseTimes) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in ("mean_s", "median_s", "p90_s"):
        own, ours = getattr(observed, name), getattr(simulated, name)
        found[name] = None if own is None or ours is None or own == 0 else ours / own - 1.0
    for limit, own in observed.within.items():
        ours = simulated.within[limit]
        found[f"within_{limit}"] = None if own is None or ours is None else ours - own
    return found


def _verdict(
    own: Floats, ours: Floats, misfit: dict[str, float | None], *, replayed: bool
) -> Verdict:
    if replayed or len(ours) == 0:
        return "not_tested"
    if len(own) < FEWEST_OBSERVED:
        return "too_few"
    judged = (misfit["mean_s"], misfit["p90_s"])
    fits = all(value is not None and abs(value) <= THRESHOLD for value in judged)
    return "fits" if fits else "does_not_fit"


def _half_width(own: Floats) -> float | None:
    if len(own) < 2 or own.mean() == 0:
        return None
    from scipy.special import stdtrit  # noqa: PLC0415 - heavy

    error = own.std(ddof=1) / np.sqrt(len(own))
    return float(stdtrit(len(own) - 1, 0.975) * error / own.mean())


def _distance(own: Floats, ours: Floats) -> tuple[float | None, float | None]:
    if len(own) == 0 or len(ours) == 0:
        return None, None
    from scipy.stats import ks_2samp  # noqa: PLC0415 - heavy

    found = ks_2samp(own, ours, method="asymp")
    return float(found.statistic), float(found.pvalue)


def _sentence(verdict: Verdict, misfit: dict[str, float | None], n: int) -> str:
    if verdict == "not_tested":
        return "The simulated times are taken from the observed ones, so that they fit is no test."
    if verdict == "too_few":
        return f"{n} observed times are too few to judge the simulated ones by."
    mean, p90 = (_percent(misfit[name]) for name in ("mean_s", "p90_s"))
    middle = f"the mean is off by {mean} and the 90th percentile by {p90}"
    if verdict == "fits":
        return f"The simulated ambulance times fit your own: {middle}."
    return f"The simulated ambulance times do not fit your own: {middle}."


def _percent(value: float | None) -> str:
    return "an unknown amount" if value is None else f"{100 * value:+.1f} %"
