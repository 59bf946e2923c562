"""Sums of money as a board reads them: three figures, thin spaces at thousands."""

from __future__ import annotations

from scenarios.metrics import words

_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}
_UNITS = ((1e6, 1e6, "million"), (1e4, 1e3, "thousand"))


def unit_for(largest: float) -> tuple[float, str]:
    """What to divide by on an axis, and its word: ten thousand and more are told in thousands."""
    for least, factor, word in _UNITS:
        if abs(largest) >= least:
            return factor, word
    return 1.0, ""


def in_money(currency: str, unit: str) -> str:
    """``£ thousand`` for an axis."""
    return f"{_SIGNS.get(currency, currency)} {unit}".strip()


def money(amount: float, currency: str) -> str:
    """One sum: ``£12 300``, with a true minus sign."""
    shown = words.number(float(f"{abs(amount):.3g}"), 0)
    minus = words.MINUS if amount < 0 and shown != "0" else ""
    return f"{minus}{_SIGNS.get(currency, f'{currency} ')}{shown}"


def money_range(low: float, high: float, currency: str) -> str:
    """``£19 400 to £27 700``; one sum where both ends read the same."""
    first, last = money(low, currency), money(high, currency)
    return first if first == last else f"{first} to {last}"
