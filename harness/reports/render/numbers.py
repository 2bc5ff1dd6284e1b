"""Numbers formatted for readers."""

from __future__ import annotations

from math import isfinite

from harness.record.estimates import Number

NONE = "–"
"""Shown in place of a number that is missing, not a number, or infinite."""
SIGNIFICANT = 0.05
"""`harness.statistics.families.ALPHA`, not imported, since it takes numpy with it."""


def finite(value: float | None) -> float | None:
    """The number; None if it is not a number or infinite."""
    return value if value is not None and isfinite(value) else None


def figure(value: float, digits: int, signed: bool = False) -> str:
    """A number with this many digits and a true minus sign; −0.00 becomes 0.00."""
    if finite(value) is None:
        return NONE
    shown = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    if not any(digit in shown for digit in "123456789"):
        shown = f"{0:.{digits}f}"
    return shown.replace("-", "−")


def ends(low: float | None, high: float | None, digits: int, signed: bool = False) -> str:
    """`[11.9, 12.8]`; "" without an interval."""
    if finite(low) is None or finite(high) is None or low is None or high is None:
        return ""
    return f"[{figure(low, digits, signed)}, {figure(high, digits, signed)}]"


def estimate(number: Number | None, digits: int, signed: bool = False) -> str:
    """A number with its interval: `12.3 [11.9, 12.8]`, with a sign where it is a difference."""
    if number is None or number.value is None or finite(number.value) is None:
        return NONE
    shown = figure(number.value, digits, signed)
    return f"{shown} {ends(number.low, number.high, digits, signed)}".rstrip()


def p_value(p: float | None) -> str:
    """0.012, or <0.001; <0.05 where three digits would round up to that limit."""
    if p is None or finite(p) is None:
        return NONE
    shown, limit = f"{p:.3f}", f"{SIGNIFICANT:.3f}"
    if p < SIGNIFICANT and shown == limit:
        return f"<{SIGNIFICANT:g}"
    return "<0.001" if p < 0.001 else shown


def seconds(value: float | None) -> str:
    """2.1 ms, 0.31 s, 12 s, 3 min 20 s, 2 h 05 min."""
    if value is None or finite(value) is None:
        return NONE
    if not value:
        return "none"
    if value < 0.01:
        return f"{1000 * value:.2g} ms"
    if value < 10:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
