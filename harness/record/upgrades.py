"""Records of earlier schemas in today's shape, as plain JSON."""

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
KEPT = ("user", "bleu_statistics", "lift", "forced", "authors")
FOLLOWING = "following|calls:0-100|mean:examples"


def to_2(fields: Fields) -> Fields:
    """Names that Python can spell; scores and NLL of an example each in an object of their own.

    In schema 1 the scores stood directly in the example, and following had no signature in
    thought replacement.
    """
    examples = fields.pop("examples", {})
    renamed: Fields = _renamed(fields)
    for thoughts in ((renamed.get("controls") or {}).get("thoughts") or {}).values():
        for score in thoughts.get("metrics", {}).values():
            score.setdefault("signature", FOLLOWING)
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
    other = {*KEPT, *LIKELIHOOD, "nll", "untrained_nll_slices"}
    return found | {"scores": {key: each for key, each in values.items() if key not in other}}


def _renamed(value: Any) -> Any:
    """`from` of a slice is `start`, `function words` of authors `function_words`, at any depth."""
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if not isinstance(value, dict):
        return value
    names = {"function words": "function_words"} | ({"from": "start"} if "slice" in value else {})
    return {names.get(key, key): _renamed(each) for key, each in value.items()}


UPGRADES: tuple[Callable[[Fields], Fields], ...] = (to_2,)
"""UPGRADES[0] takes the fields of schema 1 to those of schema 2, and so on."""
