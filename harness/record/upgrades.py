"""Upgrades of records from earlier schemas, as plain JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]

LIKELIHOOD = {
    "nll_slices": "nll",
    "slice_tokens": "slice_tokens",
    "model_tokens": "model_tokens",
    "positions": "positions",
}
KEPT = ("user", "lift", "forced", "authors")
BLEU_COUNTS = 10
FOLLOWING = "following|calls:0-100|mean:examples"


def to_2(fields: Fields) -> Fields:
    """Schema 1 → 2: names that are Python identifiers; scores and NLL of an example in objects.

    In schema 1 an example's scores were its direct fields, and following was not among the metrics
    and had no signature.
    """
    examples = fields.pop("examples", {})
    renamed: Fields = _renamed(fields)
    for thoughts in ((renamed.get("controls") or {}).get("thoughts") or {}).values():
        for score in thoughts.get("metrics", {}).values():
            score.setdefault("signature", FOLLOWING)
    _following_a_metric(renamed)
    return renamed | {
        "examples": {key: _example(values) for key, values in examples.items()},
        "schema_version": 2,
    }


def _example(values: Fields) -> Fields:
    found = {key: values[key] for key in KEPT if key in values}
    if "authors" in found:
        found["authors"] = _renamed(found["authors"]) or None
    if "nll_slices" in values:
        found["likelihood"] = {name: values[key] for key, name in LIKELIHOOD.items()}
    if "untrained_nll_slices" in values:
        found["base_nll"] = values["untrained_nll_slices"]
    counts = values.get("bleu_statistics", [])
    found["rows"] = {
        "bleu": [counts[at : at + BLEU_COUNTS] for at in range(0, len(counts), BLEU_COUNTS)]
    }
    other = {*KEPT, *LIKELIHOOD, "bleu_statistics", "nll", "untrained_nll_slices"}
    return found | {"scores": {key: each for key, each in values.items() if key not in other}}


def _following_a_metric(fields: Fields) -> None:
    """Copy preference following to the metrics: of whole texts, slices and continuations."""
    ends = ("value", "low", "high")
    if whole := fields.get("following"):
        score = {key: whole[key] for key in ends} | {"signature": FOLLOWING}
        fields["metrics"] = {"following": score} | fields["metrics"]
        slices = [_without_calls(part) for part in whole["slices"]]
        fields["slices"] = {"following": slices} | fields["slices"]
    forced = fields.get("forced") or {}
    if windows := forced.pop("following", None):
        curve = _without_calls(windows) | {"signature": FOLLOWING}
        curve["slices"] = [_without_calls(part) for part in windows["slices"]]
        forced["metrics"] = {"following": curve} | forced["metrics"]


def _without_calls(rate: Fields) -> Fields:
    return {key: value for key, value in rate.items() if key not in ("chance", "calls")}


def _renamed(value: Any) -> Any:
    """Rename `from` of a slice to `start`, `function words` to `function_words`, at any depth."""
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if not isinstance(value, dict):
        return value
    names = {"function words": "function_words"} | ({"from": "start"} if "slice" in value else {})
    return {names.get(key, key): _renamed(each) for key, each in value.items()}


def to_3(fields: Fields) -> Fields:
    """Schema 2 → 3: preference following is a metric's breakdown, no view of its own."""
    whole = fields.pop("following", None)
    if whole is None:
        return fields | {"schema_version": 3}
    ends = ("value", "low", "high", "missing", "floor", "ceiling")
    groups = {
        "held_out": {"all": _group(whole["held_out"])},
        "kind": {name: _group(each) for name, each in whole["kinds"].items()},
        "family": {name: _group(each) for name, each in whole["families"].items()},
    }
    found = {key: whole[key] for key in ends if key in whole} | {"groups": groups}
    places = {"chance": whole["chance"], "places": whole["calls"]}
    return fields | {"schema_version": 3, "breakdowns": {"following": found | places}}


def _group(rate: Fields) -> Fields:
    return {"places" if key == "calls" else key: value for key, value in rate.items()}


def to_4(fields: Fields) -> Fields:
    """Schema 3 → 4: the file ends with a checksum of its values, which is no field of a record."""
    return fields | {"schema_version": 4}


UPGRADES: tuple[Callable[[Fields], Fields], ...] = (to_2, to_3, to_4)
"""UPGRADES[0] takes the fields of schema 1 to those of schema 2, and so on."""
