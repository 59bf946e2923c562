"""The compiled draws of people: who of a town is around one call, and what they would answer.

The hash is that of ``sim.randomness`` (splitmix64's finaliser), the normal distribution AS 241
(Wichura 1988, relative accuracy about 1e-16). Keys are uint64 throughout.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_ONE, _12, _27, _30, _31 = (np.uint64(i) for i in (1, 12, 27, 30, 31))
_TO_UNIT = 2.0**-52


@njit(cache=True, nogil=True, inline="always")
def _mix(z: Any) -> Any:
    z = (z ^ (z >> _30)) * _MIX1
    z = (z ^ (z >> _27)) * _MIX2
    return z ^ (z >> _31)


@njit(cache=True, nogil=True, inline="always")
def _fold(key: Any, word: Any) -> Any:
    return _mix((key ^ _mix((word + _ONE) * _GAMMA)) + _GAMMA)


@njit(cache=True, nogil=True, inline="always")
def _uniform(key: Any) -> Any:
    return (np.float64(key >> _12) + 0.5) * _TO_UNIT


@njit(cache=True, nogil=True)
def _normal(p: float) -> float:
    """The inverse normal distribution function, AS 241 (PPND16)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = 2.5090809287301226727e3
        top = top * r + 3.3430575583588128105e4
        top = top * r + 6.7265770927008700853e4
        top = top * r + 4.5921953931549871457e4
        top = top * r + 1.3731693765509461125e4
        top = top * r + 1.9715909503065514427e3
        top = top * r + 1.3314166789178437745e2
        top = top * r + 3.3871328727963666080e0
        low = 5.2264952788528545610e3
        low = low * r + 2.8729085735721942674e4
        low = low * r + 3.9307895800092710610e4
        low = low * r + 2.1213794301586595867e4
        low = low * r + 5.3941960214247511077e3
        low = low * r + 6.8718700749205790830e2
        low = low * r + 4.2313330701600911252e1
        return q * top / (low * r + 1.0)
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    if r <= 5.0:
        r -= 1.6
        top = 7.74545014278341407640e-4
        top = top * r + 2.27238449892691845833e-2
        top = top * r + 2.41780725177450611770e-1
        top = top * r + 1.27045825245236838258e0
        top = top * r + 3.64784832476320460504e0
        top = top * r + 5.76949722146069140550e0
        top = top * r + 4.63033784615654529590e0
        top = top * r + 1.42343711074968357734e0
        low = 1.05075007164441684324e-9
        low = low * r + 5.47593808499534494600e-4
        low = low * r + 1.51986665636164571966e-2
        low = low * r + 1.48103976427480074590e-1
        low = low * r + 6.89767334985100004550e-1
        low = low * r + 1.67638483018380384940e0
        low = low * r + 2.05319162663775882187e0
        value = top / (low * r + 1.0)
    else:
        r -= 5.0
        top = 2.01033439929228813265e-7
        top = top * r + 2.71155556874348757815e-5
        top = top * r + 1.24266094738807843860e-3
        top = top * r + 2.65321895265761230930e-2
        top = top * r + 2.96560571828504891230e-1
        top = top * r + 1.78482653991729133580e0
        top = top * r + 5.46378491116411436990e0
        top = top * r + 6.65790464350110377720e0
        low = 2.04426310338993978564e-15
        low = low * r + 1.42151175831644588870e-7
        low = low * r + 1.84631831751005468180e-5
        low = low * r + 7.86869131145613259100e-4
        low = low * r + 1.48753612908506148525e-2
        low = low * r + 1.36929880922735805310e-1
        low = low * r + 5.99832206555887937690e-1
        value = top / (low * r + 1.0)
    return value if q > 0.0 else -value


@njit(cache=True, nogil=True)
def present_people(
    place: Any,
    here: Any,
    stray_m: Any,
    key: Any,
    keys_of_call: Any,
    shares: Any,
    reports: int,
    person: Any,
    true_spot: Any,
    reported_spot: Any,
    drawn: Any,
) -> int:
    """Writes who is around a call and where; answers how many.

    ``place`` float64[2, 2, n]: north and east of homes and work places in metres; ``here``
    (north, east, radius) of the call. ``stray_m`` float64[2, n]: how far a place's reported
    positions lie from it at most. ``key`` uint64[n]; ``keys_of_call`` (whereabouts, duty);
    ``shares`` (at home, at work, on duty). Outputs have room for n, in the order of persons.
    """
    n = len(key)
    north, east, radius = here
    home, work, duty = shares
    count = 0
    for p in range(n):
        near = False
        for w in range(2):
            reach = stray_m[w, p] + radius
            a = place[w, 0, p] - north
            b = place[w, 1, p] - east
            near = near or a * a + b * b <= reach * reach
        if not near:
            continue
        own = _fold(keys_of_call[0], key[p])
        u = _uniform(own)
        if u >= home + work:
            continue
        if duty < 1.0 and _uniform(_fold(keys_of_call[1], key[p])) >= duty:
            continue
        at_work = 0 if u < home else 1
        report = np.int64(own & np.uint64(reports - 1))
        person[count] = p
        true_spot[count] = at_work * n + p
        reported_spot[count] = (2 + at_work * reports + report) * n + p
        drawn[count] = own
        count += 1
    return count


@njit(cache=True, nogil=True)
def lognormals_of(keys: Any, median: float, sigma: float, out: Any) -> None:
    """A lognormal duration per key (the first draw of its stream), to the millisecond."""
    for i in range(len(keys)):
        z = _normal(_uniform(_mix(keys[i] + _GAMMA)))
        out[i] = np.rint(median * math.exp(sigma * z) * 1000.0) / 1000.0


@njit(cache=True, nogil=True)
def answers_of(key_of_call: Any, key: Any, shares: Any, median: Any, sigma: Any, out: Any) -> None:
    """Writes float64[n, 9]: delivered, after, seen, after, reply after, accepts, turnout, goes on,
    share of the way at which somebody gives up.

    ``shares``: delivered, seen, accepts, cannot continue, and the part of the reply delay that has
    passed when the alert is seen. ``median`` and ``sigma``: delivery, reply, turnout.
    """
    step = np.empty(3)
    for i in range(len(key)):
        own = _fold(key_of_call, key[i])
        for j in range(3):
            z = _normal(_uniform(_mix(own + np.uint64(6 + j) * _GAMMA)))
            step[j] = np.rint(median[j] * math.exp(sigma[j] * z) * 1000.0) / 1000.0
        out[i, 0] = _uniform(_mix(own + _GAMMA)) < shares[0]
        out[i, 1] = step[0]
        out[i, 2] = _uniform(_mix(own + np.uint64(2) * _GAMMA)) < shares[1]
        out[i, 3] = step[0] + np.rint(shares[4] * step[1] * 1000.0) / 1000.0
        out[i, 4] = step[0] + step[1]
        out[i, 5] = _uniform(_mix(own + np.uint64(3) * _GAMMA)) < shares[2]
        out[i, 6] = step[2]
        out[i, 7] = _uniform(_mix(own + np.uint64(4) * _GAMMA)) >= shares[3]
        out[i, 8] = _uniform(_mix(own + np.uint64(5) * _GAMMA))


def warmup() -> None:
    """Compiles, or loads from the cache, what a first replication would otherwise wait for."""
    key = np.ones(1, dtype=np.uint64)
    call = np.uint64(1)
    row = np.empty(1, dtype=np.int64)
    present_people(
        np.zeros((2, 2, 1)), (0.0, 0.0, 1.0), np.zeros((2, 1)), key, (call, call),
        (0.5, 0.5, 1.0), 4, row, row.copy(), row.copy(), key.copy(),
    )  # fmt: skip
    lognormals_of(key, 60.0, 0.5, np.empty(1))
    answers_of(call, key, np.full(5, 0.5), np.full(3, 60.0), np.full(3, 0.5), np.empty((1, 9)))
