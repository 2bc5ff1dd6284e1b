"""The settings chosen for each run, under one set of keys, and which of them are usual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.errors import HarnessError
from harness.record import Json, Record
from harness.registry import options_of
from harness.settings import whole_numbers
from harness.settings.flat import flat
from harness.settings.names import UNNAMED, frozen_table

NO_OPTION, DEFAULT, UNSEEN = "no such option", "default", "not known"
"""Shown for a setting that a method does not have, for an option left out of a method that is not
installed, and for a setting of texts whose making was not seen."""
NO_CHOICE = ("seed", "preset", "data.source", "model.device", "train.keep_weights")
"""Settings that do not make another system."""
OPTION = "method."
"""Prefix of the keys of a method's own options."""


def choices(record: Record) -> dict[str, Json]:
    """The settings of a run that define its system, "section.key" → value.

    Left out: the seed; `eval`, `track` and `api`; the location of the data, whose fingerprint must
    be the same anyway; and the device, which the record's `device` describes.
    """
    return {
        key: value
        for key, value in flat(record.settings)
        if key not in NO_CHOICE and not key.startswith(("eval.", *UNNAMED))
    }


def chosen_by(records: Sequence[Record]) -> list[dict[str, Json]]:
    """The choices of each record, all under the same keys.

    A method option that a record leaves out takes the default of the installed method: `NO_OPTION`
    if the method has no such option, `DEFAULT` if it is not installed. A reasoner that the settings
    do not name is the one in the record's `backbone`. Of texts from elsewhere only the settings of
    data are known: the others are `UNSEEN`.
    """
    given = [choices(record) for record in records]
    keys = sorted({key for one in given for key in one})
    defaults: dict[str, Mapping[str, Json] | None] = {}
    if any(key.startswith(OPTION) and key not in one for one in given for key in keys):
        defaults = {method: own_options(method) for method in {one.method for one in records}}

    def value(record: Record, own: Mapping[str, Json], key: str) -> Json:
        if key not in own and record.kind == "scored":
            return UNSEEN
        if key == "model.reasoner" and own.get(key) is None:
            return record.backbone.reasoner and record.backbone.reasoner.name
        if key in own or not key.startswith(OPTION):
            return own.get(key, frozen_table()["added"].get(key, DEFAULT))
        known = defaults[record.method]
        return DEFAULT if known is None else known.get(key.removeprefix(OPTION), NO_OPTION)

    return [
        {key: whole_numbers(value(record, own, key)) for key in keys}
        for record, own in zip(records, given, strict=True)
    ]


def own_options(method: str) -> Mapping[str, Json] | None:
    """Defaults of the installed method's own options; None if it is not installed."""
    try:
        options = options_of(method)
    except HarnessError:
        return None
    return dict(options.model_construct().model_dump(mode="json"))


def telling(method: str, chosen: Sequence[Mapping[str, Json]]) -> list[str]:
    """The keys that tell systems of a method apart, from each other and from the method as it is.

    Those with several values, and the method's own options that are not at their defaults.
    """
    plain = usual(method, [key for key in chosen[0] if key.startswith(OPTION)], chosen)
    return [
        key
        for key in chosen[0]
        if len({str(one[key]) for one in chosen}) > 1
        or (key in plain and any(one[key] != plain[key] for one in chosen))
    ]


def usual(
    method: str, keys: Sequence[str], chosen: Sequence[Mapping[str, Json]]
) -> dict[str, Json]:
    """Key → the default of the method's option, or the most common value.

    Of equally common values that of the system with the most defaults.
    """
    known = own_options(method) if any(key.startswith(OPTION) for key in keys) else None
    own = {f"{OPTION}{name}": value for name, value in (known or {}).items()}
    defaults = {**frozen_table()["added"], **own}

    def at_default(one: Mapping[str, Json]) -> int:
        return sum(key in defaults and one[key] == defaults[key] for key in keys)

    chosen = sorted(chosen, key=at_default, reverse=True)
    found = {}
    for key in keys:
        ((most, _),) = Counter(str(one[key]) for one in chosen).most_common(1)
        common = next(one[key] for one in chosen if str(one[key]) == most)
        found[key] = own.get(key, common)
    return found
