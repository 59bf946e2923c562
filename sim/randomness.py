"""Keyed random numbers: every draw is a pure function of what it is for.

``u = uniform(seed, purpose, replication, incident, person)``: no state, so the order of draws, the
number of workers and the presence of other people cannot matter. Two policies that ask for the
same draw get the same number; a volunteer who joins changes nobody else's.

A key is folded word by word with the finaliser of splitmix64 (Steele, Lea and Flood 2014,
"Fast splittable pseudorandom number generators"). Uniforms carry 53 bits. Normals use the inverse
distribution function AS 241 (Wichura 1988), which in the middle 85 % needs no more than + − × ÷, so
that they agree between platforms; durations made from them are rounded to the millisecond for the
rest. The scalar and the vector form of each draw give the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

_MASK = 0xFFFFFFFFFFFFFFFF
_GAMMA = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB
_TO_UNIT = 2.0**-53
MILLISECONDS = 3  # digits that a drawn duration keeps


class Purpose(IntEnum):
    """What a draw is for. Numbers are part of the results: append, never renumber."""

    ARRIVAL_COUNT = 1
    ARRIVAL_TIME = 2
    ARRIVAL_PLACE = 3
    TRUE_ARREST = 4
    AT_HOME = 5
    WITNESSED = 6
    COLLAPSE_TO_CALL = 7
    RECOGNISED = 8
    RECOGNITION = 9
    BYSTANDER_CPR = 10
    TELEPHONE_CPR = 11
    CPR_START = 12
    AED_FETCHED = 13
    SHOCKABLE = 14
    AMBULANCE = 15
    AMBULANCE_ETA = 16
    CALLED_OFF = 17
    CALLED_OFF_AT = 18
    PLACE_JITTER = 19
    HOME = 30
    WORK = 31
    SPEED = 32
    HOME_IN_ZONE = 35
    REPORTED_ANGLE = 33
    REPORTED_DISTANCE = 34
    WHERE = 40
    REPORT = 41
    POSITION_AGE = 42
    ON_DUTY = 43
    DELIVERED = 50
    DELIVERY = 51
    SEEN = 52
    REPLY = 53
    ACCEPT = 54
    TURNOUT = 55
    CONTINUES = 56
    STOPS_AT = 57
    AED_USABLE = 60
    AED_PROBLEM = 61
    AED_UNKNOWN_OPEN = 62
    FLEET_CALL_TIME = 80
    FLEET_CALL_PLACE = 81
    FLEET_TURNOUT = 82
    FLEET_SCENE = 83
    FLEET_CONVEYED = 84
    FLEET_HANDOVER = 85
    FLEET_DISPATCH = 86


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * _MIX1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX2) & _MASK
    return z ^ (z >> 31)


def fold(key: int, word: int) -> int:
    """The key that follows from ``key`` and one more word (any int; its low 64 bits count)."""
    return _mix(((key ^ _mix((word * _GAMMA + _GAMMA) & _MASK)) + _GAMMA) & _MASK)


def key_of(seed: int, *words: int) -> int:
    """Fold ``words`` into ``seed``, one after the other."""
    key = _mix((seed + _GAMMA) & _MASK)
    for word in words:
        key = fold(key, word)
    return key


def uniform(key: int) -> float:
    """A number in (0, 1) from a finished key."""
    return ((key >> 11) + 0.5) * _TO_UNIT


def normal(key: int) -> float:
    """A standard normal number from a finished key."""
    return _inverse_normal(uniform(key))


def lognormal_s(key: int, median_s: float, sigma: float) -> float:
    """A lognormal duration, rounded to the millisecond; the median itself where ``sigma`` is 0."""
    if sigma == 0.0:
        return median_s
    return round(median_s * math.exp(sigma * normal(key)), MILLISECONDS)


def exponential_s(key: int, mean_s: float) -> float:
    """An exponential duration, rounded to the millisecond."""
    return round(-mean_s * math.log(uniform(key)), MILLISECONDS)


def folds(key: int | Keys, words: Any) -> Keys:
    """``fold`` over arrays (broadcast); words are integers."""
    with np.errstate(over="ignore"):
        w = np.asarray(words).astype(np.uint64)
        mixed = _mixes(w * np.uint64(_GAMMA) + np.uint64(_GAMMA))
        k = np.asarray(key, dtype=np.uint64)
        return _mixes((k ^ mixed) + np.uint64(_GAMMA))


def _mixes(z: Keys) -> Keys:
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(_MIX1)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(_MIX2)
        return z ^ (z >> np.uint64(31))


def uniforms(keys: Keys) -> Floats:
    """``uniform`` over an array of finished keys."""
    return ((keys >> np.uint64(11)).astype(np.float64) + 0.5) * _TO_UNIT


def normals(keys: Keys) -> Floats:
    """``normal`` over an array of finished keys."""
    return _inverse_normals(uniforms(keys))


def lognormals_s(keys: Keys, median_s: Any, sigma: Any) -> Floats:
    """``lognormal_s`` over arrays (broadcast)."""
    return np.asarray(np.round(median_s * np.exp(sigma * normals(keys)), MILLISECONDS))


def exponentials_s(keys: Keys, mean_s: Any) -> Floats:
    """``exponential_s`` over arrays (broadcast)."""
    return np.asarray(np.round(-mean_s * np.log(uniforms(keys)), MILLISECONDS))


# AS 241, PPND16: relative accuracy about 1e-16. Coefficients by falling power.
_A = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
    4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
    1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
_B = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
    2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
    4.2313330701600911252e1, 1.0,
)  # fmt: skip
_C = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
    1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
    4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
_D = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
    1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
    2.05319162663775882187e0, 1.0,
)  # fmt: skip
_E = (
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
    2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
    5.46378491116411436990e0, 6.65790464350110377720e0,
)  # fmt: skip
_F = (
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
    7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
    5.99832206555887937690e-1, 1.0,
)  # fmt: skip


def _ratio(top: tuple[float, ...], bottom: tuple[float, ...], r: Any) -> Any:
    a, b = top[0], bottom[0]
    for x, y in zip(top[1:], bottom[1:], strict=True):
        a = a * r + x
        b = b * r + y
    return a / b


def _inverse_normal(p: float) -> float:
    q = p - 0.5
    if abs(q) <= 0.425:
        return float(q * _ratio(_A, _B, 0.180625 - q * q))
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    value = _ratio(_C, _D, r - 1.6) if r <= 5.0 else _ratio(_E, _F, r - 5.0)
    return float(value if q > 0 else -value)


def _inverse_normals(p: Floats) -> Floats:
    q = p - 0.5
    out = q * _ratio(_A, _B, 0.180625 - q * q)
    tails = np.abs(q) > 0.425
    if tails.any():
        pt = p[tails]
        r = np.sqrt(-np.log(np.minimum(pt, 1.0 - pt)))
        value = np.where(r <= 5.0, _ratio(_C, _D, r - 1.6), _ratio(_E, _F, r - 5.0))
        out[tails] = np.where(q[tails] > 0, value, -value)
    return np.asarray(out, dtype=np.float64)


def lognormal_quantiles(median_s: float, sigma: float, slices: int) -> list[float]:
    """The middles of ``slices`` equally probable slices of a lognormal duration."""
    middles = [(i + 0.5) / slices for i in range(slices)]
    return [median_s * math.exp(sigma * _inverse_normal(p)) for p in middles]


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers of one replication: keys by purpose, then by incident, person …"""

    seed: int
    replication: int

    def key(self, purpose: Purpose, *words: int) -> int:
        """A finished key for the scalar draws."""
        key = key_of(self.seed, purpose, self.replication)
        for word in words:
            key = fold(key, word)
        return key

    def keys(self, purpose: Purpose, words: Any) -> Keys:
        """Finished keys for the vector draws, one per word."""
        return folds(key_of(self.seed, purpose, self.replication), words)

    def uniforms(self, purpose: Purpose, words: Any) -> Floats:
        """A uniform number per word."""
        return uniforms(self.keys(purpose, words))
