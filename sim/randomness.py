"""Keyed random numbers: every draw is a pure function of what it is for.

``u = uniform(seed, purpose, replication, incident, person)``: no state, so the order of draws, the
number of workers and the presence of other people cannot matter. Two policies that ask for the
same draw get the same number; a volunteer who joins changes nobody else's.

A key is folded word by word with the finaliser of splitmix64 (Steele, Lea and Flood 2014,
"Fast splittable pseudorandom number generators"). Uniforms carry 52 bits and are the same on every
platform; durations made from them through logarithms and the inverse normal distribution function
are rounded to the millisecond, far coarser than what mathematical libraries disagree about.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

_MASK = 0xFFFFFFFFFFFFFFFF
_GAMMA = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB
_TO_UNIT = 2.0**-52
_ONE, _12, _27, _30, _31 = (np.uint64(i) for i in (1, 12, 27, 30, 31))
_GAMMA64, _MIX1_64, _MIX2_64 = (np.uint64(i) for i in (_GAMMA, _MIX1, _MIX2))
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
    UNSAFE = 20
    UNSAFE_AT = 21
    SAFE_AFTER = 22
    NOT_WANTED = 23
    NOT_WANTED_AT = 24
    HOME = 30
    WORK = 31
    SPEED = 32
    HOME_IN_ZONE = 35
    REPORTED_ANGLE = 33
    REPORTED_DISTANCE = 34
    WHERE = 40
    REPORT = 41
    ON_DUTY = 43
    ANSWER = 50
    AED_USABLE = 60
    AED_PROBLEM = 61
    AED_UNKNOWN_OPEN = 62
    MODE = 79
    FLEET_CALL_TIME = 80
    FLEET_CALL_PLACE = 81
    FLEET_TURNOUT = 82
    FLEET_SCENE = 83
    FLEET_CONVEYED = 84
    FLEET_HANDOVER = 85
    FLEET_DISPATCH = 86
    GROUP_ON_DUTY = 87
    GROUP_TURNOUT = 88
    DRONE_PREPARATION = 100
    DRONE_PERMISSION = 101
    DRONE_PERMISSION_WAIT = 102
    DRONE_START_FAILS = 103
    DRONE_SETTLE = 104
    DRONE_LOWERING = 105
    DRONE_DELIVERY_FAILS = 106
    DRONE_HANDOVER = 107
    DRONE_HELPERS = 108
    DRONE_RULED_OUT = 109
    SUSPECTED = 110
    SUSPICION = 111
    WEATHER = 120


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * _MIX1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX2) & _MASK
    return z ^ (z >> 31)


def fold(key: int, word: int) -> int:
    """The key that follows from ``key`` and one more word (any int; its low 64 bits count)."""
    return _mix(((key ^ _mix((word * _GAMMA + _GAMMA) & _MASK)) + _GAMMA) & _MASK)


@lru_cache(maxsize=8192)
def key_of(seed: int, *words: int) -> int:
    """Fold ``words`` into ``seed``, one after the other."""
    key = _mix((seed + _GAMMA) & _MASK)
    for word in words:
        key = fold(key, word)
    return key


def uniform(key: int) -> float:
    """A number in (0, 1) from a finished key."""
    return ((key >> 12) + 0.5) * _TO_UNIT


def normal(key: int) -> float:
    """A standard normal number from a finished key."""
    return float(ndtri(uniform(key)))


def lognormal_s(key: int, median_s: float, sigma: float) -> float:
    """A lognormal duration, rounded to the millisecond; the median itself where ``sigma`` is 0."""
    if sigma == 0.0:
        return median_s
    return round(median_s * math.exp(sigma * normal(key)), MILLISECONDS)


def exponential_s(key: int, mean_s: float) -> float:
    """An exponential duration, rounded to the millisecond."""
    return round(-mean_s * math.log(uniform(key)), MILLISECONDS)


def folds(key: int | Keys, words: Any) -> Keys:
    """``fold`` over arrays (broadcast); words are integers; at least one dimension."""
    mixed = _mixes((np.atleast_1d(words).astype(np.uint64) + _ONE) * _GAMMA64)
    return _mixes((np.asarray(key, dtype=np.uint64) ^ mixed) + _GAMMA64)


def _mixes(z: Keys) -> Keys:
    z = (z ^ (z >> _30)) * _MIX1_64
    z = (z ^ (z >> _27)) * _MIX2_64
    return z ^ (z >> _31)


def to_milliseconds(seconds: Floats) -> Floats:
    """Durations rounded to the millisecond."""
    return np.rint(seconds * 1000.0) / 1000.0


def uniforms(keys: Keys) -> Floats:
    """``uniform`` over an array of finished keys."""
    return ((keys >> _12).astype(np.float64) + 0.5) * _TO_UNIT


def normals(keys: Keys) -> Floats:
    """``normal`` over an array of finished keys."""
    return np.asarray(ndtri(uniforms(keys)))


def lognormals_s(keys: Keys, median_s: Any, sigma: Any) -> Floats:
    """``lognormal_s`` over arrays (broadcast)."""
    return to_milliseconds(median_s * np.exp(sigma * normals(keys)))


def exponentials_s(keys: Keys, mean_s: Any) -> Floats:
    """``exponential_s`` over arrays (broadcast)."""
    return to_milliseconds(-mean_s * np.log(uniforms(keys)))


def lognormal_quantiles(median_s: float, sigma: float, slices: int) -> list[float]:
    """The middles of ``slices`` equally probable slices of a lognormal duration."""
    middles = [(i + 0.5) / slices for i in range(slices)]
    return [median_s * math.exp(sigma * float(ndtri(p))) for p in middles]


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
