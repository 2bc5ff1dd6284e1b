"""What the terminal's table says of a record's views, a function a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.metrics.letters import unseen_words
from harness.record import Record
from harness.types import Score

Row = tuple[str, str, str]
"""Measure, value with its interval, of what."""


def cell(score: Score | None) -> str:
    """`12.34 [11.90, 12.80]`; a missing metric says so."""
    if score is None or score.value is None:
        return "–"
    if score.low is None or score.high is None:
        return f"{score.value:.2f}"
    return f"{score.value:.2f} [{score.low:.2f}, {score.high:.2f}]"


def remark(score: Score, scale: str) -> str:
    """What stands beside a metric: why it has no value, or `scale` and what it does not see."""
    if score.missing:
        return score.missing
    return f"{scale}, {unseen_words(score.unseen)}" if score.unseen else scale


def number(found: Mapping[str, Any], digits: int = 2) -> str:
    """A record's number with its interval; – where there is none."""
    if found["value"] is None:
        return "–"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:.{digits}f}"
    return f"{found['value']:.{digits}f} [{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


def following_rows(record: Record) -> list[Row]:
    """Preference following of the built-in benchmark, between its floor and its ceiling."""
    found = record.following
    if found is None:
        return []
    floor = "–" if found["floor"] is None else f"{found['floor']:.1f}"
    of = (
        f"chance {found['chance']:.1f}, another author's text {floor},"
        f" ceiling {found['ceiling']:.0f}"
    )
    rows = [("preferences followed", number(found), of), by_position(found, 1)]
    if found.get("held_out") and found["held_out"]["value"] is not None:
        held = found["held_out"]
        rows.append(
            ("  kind never trained", f"{held['value']:.2f}", f"chance {held['chance']:.1f}")
        )
    return rows


def by_position(view: Mapping[str, Any], digits: int) -> Row:
    """One value a slice of the target."""
    slices = [
        "–" if each["value"] is None else f"{each['value']:.{digits}f}" for each in view["slices"]
    ]
    starts = ", ".join(str(each["from"]) for each in view["slices"])
    return ("  by position", " · ".join(slices), f"slices from {starts}")


def likelihood_rows(record: Record) -> list[Row]:
    """NLL of the references, overall, by slice and beside the untrained backbone."""
    found = record.likelihood
    if found is None or found.get("value") is None:
        return []
    rows = [("NLL of references", number(found), "nats per slice token, lower is better")]
    rows += position_rows(found, 3, "nats")
    beside = found.get("relative")
    if beside is not None:
        rows.append(("  − untrained backbone", number(beside, 3), "below 0: found more likely"))
        rows += position_rows(beside, 3, "nats")
    return rows


def position_rows(view: Mapping[str, Any], digits: int, unit: str) -> list[Row]:
    """A view by slice, and its drift where some text reaches every slice."""
    rows = [by_position(view, digits)]
    drift = view["drift"]
    if drift["value"] is not None:
        of = f"{unit} per 100 tokens, {drift['examples']} texts that reach every slice"
        rows.append(("  drift", number(drift, digits), of))
    return rows


def forced_rows(record: Record) -> list[Row]:
    """The windows written after the reference: following on mini, and the first metric."""
    found = record.forced
    if found is None:
        return []
    views = dict(list(found["metrics"].items())[:1])
    if found["following"] is not None:
        views = {"preferences followed": found["following"], **views}
    rows = []
    for name, view in views.items():
        of = f"next {found['window']} tokens after the reference so far"
        rows += [(f"forced: {name}", number(view), of), *position_rows(view, 1, "points")]
    return rows


def lift_rows(record: Record) -> list[Row]:
    """What the own profile gains over other users' profiles and over none."""
    found = record.lift or {}
    rows = []
    for name, key, unit in (("likelihood", "all", "nats"), ("texts", "following", "points")):
        for kind in ("random", "topic"):
            lift = found.get(name, {}).get(kind, {}).get(key)
            if lift is None:
                continue
            for what, label in (("own_other", f"own − {kind} other"), ("own_empty", "own − none")):
                if what == "own_empty" and kind == "topic":
                    continue
                value = number(lift[what], 3 if unit == "nats" else 2)
                rows.append(
                    (f"lift {key if name == 'texts' else 'NLL'}", value, f"{label}, {unit}")
                )
    return rows


def author_rows(record: Record) -> list[Row]:
    """How often the own profile is the nearest one."""
    found = record.authors or {}
    rows = []
    for features in ("characters", "function words"):
        if features in found:
            top1 = found[features]["top1"]
            of = f"own profile nearest, %; references {top1['ceiling']:.1f}, chance"
            rows.append((f"author by {features}", number(top1), f"{of} {top1['chance']:.1f}"))
    return rows


def control_rows(record: Record) -> list[Row]:
    """What other thoughts change, on likelihood and on following or the first metric."""
    found = record.controls or {"thoughts": {}}
    rows = []
    for name, control in found["thoughts"].items():
        if "missing" in control:
            rows.append((f"thoughts: {name}", "–", control["missing"]))
        apart = control.get("minus_own")
        if apart is None:
            continue
        first = next(iter(apart["metrics"]), None)
        metric = "following" if "following" in apart["metrics"] else first
        changes = [("NLL", apart["likelihood"], 3), (metric, apart["metrics"].get(metric), 2)]
        for what, change, digits in changes:
            if change is not None:
                of = f"{what} − own"
                if change["p_holm"] is not None:
                    of += f", p {change['p_holm']:.3f} (Holm, {found['family']})"
                rows.append((f"thoughts: {name}", number(change, digits), of))
    return rows
