"""Which runs may share a table: same task, setting, data, cap, sampling and metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.errors import DataError
from harness.record import Json, Record
from harness.reports.runs.choices import chosen_by
from harness.reports.runs.likelihoods import with_comparable_likelihoods
from harness.reports.runs.metric_files import metric_digest
from harness.reports.runs.systems import Board, System

Read = Callable[[Record], object]
"""Reads a value from a record; None if it has none."""
UNPAIRED: Mapping[str, tuple[str, Read]] = {
    "eval.slices": ("slices of the reference", lambda record: record.setting("eval.slices")),
    "decode.samples": ("texts of each example", lambda record: record.samples),
}
"""Settings that must agree for examples to be paired → what it is, and a record's value, also of
texts that were made elsewhere; `--allow-different` does not cover them."""
SAME: Mapping[str, tuple[str, Json]] = {
    "data.setting": ("setting", None),
    "decode.max_new_tokens": ("cap on new tokens", None),
    "decode.temperature": ("temperature", None),
    "decode.top_p": ("top-p", None),
    "decode.top_k": ("top-k", "none"),
    "decode.repetition_penalty": ("repetition penalty", 1.0),
    "decode.stop": ("stop strings", []),
    "decode.strip": ("hidden blocks", ["think"]),
}
"""Settings that must agree unless the user allows it → what it is, its value if not recorded."""
MACHINE: Mapping[str, Read] = {
    "device": lambda record: record.device.device,
    "accelerator": lambda record: record.device.accelerator,
    "processor": lambda record: record.device.processor,
    "dtype": lambda record: number_types(record),
    "threads": lambda record: record.device.threads,
    "processes": lambda record: record.device.processes,
    "decoding step": lambda record: record.setting("decode.step") or "transformers",
}
FURTHER: Mapping[str, Read] = {
    "number types": lambda record: number_types(record) if record.kind == "run" else None,
    "tokens at once": lambda record: record.inference and record.inference.tokens_at_once,
    "backbone's weights": lambda record: record.backbone.fingerprint,
    "training examples": lambda record: record.training and record.training.examples,
    "commit": lambda record: str(record.code.commit)[:12],
}
"""What the report lists after the settings in which systems may differ."""


def number_types(record: Record) -> str:
    """Those of a run: of training and likelihoods, and of generation where it has another."""
    device = record.device
    other = f", generation {device.generation_dtype}" if device.generation_dtype else ""
    return f"{device.dtype}{other}"


@dataclass(frozen=True)
class Difference:
    """Something in which runs differ: value → the systems that have it."""

    what: str
    values: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        shown = "; ".join(f"{value}: {', '.join(names)}" for value, names in self.values.items())
        return f"{self.what}  {shown}"


def checked(board: Board, allow_different: bool) -> Board:
    """The board, with the allowed differences noted, without likelihoods that do not compare.

    Raises DataError if slices or samples an example differ, if no example is shared, or if anything
    else in `differences` differs and `allow_different` is false.
    """
    # 1. What can never be allowed: examples that cannot be paired.
    rules = {f"{what} ({key})": read for key, (what, read) in UNPAIRED.items()}
    blocking = _differing(board.systems, rules)
    if blocking:
        mend = "rerun some with --set and the others' value, or compare them separately"
        raise _refusal(board, "examples of these runs cannot be paired", blocking, mend)
    # 2. At least one example in common.
    common = set.intersection(*(set(record.examples) for record in board.records))
    if not common:
        raise DataError(
            f"{board.task}: no example is in all of {', '.join(s.name for s in board.systems)};"
            " expected runs on the same test data. Compare them separately"
        )
    # 3. The rest may differ if the user allows it.
    found = differences(board)
    if found and not allow_different:
        mend = (
            "give runs that agree in this, or use --allow-different (missing examples then"
            " count as empty, and every table says so)"
        )
        raise _refusal(board, "these runs are not comparable", found, mend)
    return replace(with_comparable_likelihoods(board), allowed=tuple(map(str, found)))


def _refusal(board: Board, what: str, found: Sequence[Difference], mend: str) -> DataError:
    lines = [f"{board.task}: {what}", *map(str, found), f"mend  {mend}"]
    return DataError("\n  ".join(lines))


def differences(board: Board) -> list[Difference]:
    """What differs although it must be the same for a table to compare methods."""
    rules = {f"{what} ({key})": _setting(key, absent) for key, (what, absent) in SAME.items()}
    rules["other users for lift (eval.donors)"] = lambda record: record.lift and record.lift.donors
    for split in ("train", "val", "test"):
        rules[f"data of the {split} split (fingerprint)"] = _fingerprint(split)
    for name in dict.fromkeys(name for record in board.records for name in record.metrics):
        rules[f"signature of {name}"] = _signature(name)
        rules[f"files of {name} (inputs.metrics)"] = partial(metric_digest, name=name)

    def missing(record: Record) -> str:
        absent = len(board.ids) - len(record.examples)
        return f"{absent} of {len(board.ids)} missing" if absent else "none missing"

    return _differing(board.systems, rules | {"test examples": missing})


def machines(systems: Sequence[System]) -> list[Difference]:
    """How the machines differ; if they do, times are not comparable.

    Texts that were made elsewhere have no times.
    """
    timed = [one for one in systems if one.record.kind == "run"]
    return _differing(timed, MACHINE)


def setting_differences(systems: Sequence[System]) -> list[Difference]:
    """Settings, backbone and amount of data in which systems may differ; the report lists them."""
    records = [record for system in systems for record in system.records]
    chosen = {id(record): own for record, own in zip(records, chosen_by(records), strict=True)}

    def choice(key: str) -> Read:
        def read(record: Record) -> Json:
            value = chosen[id(record)][key]
            return NULL.get(key, NOT_SET) if value is None else value

        return read

    rules = {key: choice(key) for key in next(iter(chosen.values()), {})}
    return _differing(systems, {**rules, **FURTHER})


NOT_SET = "not set"
"""Shown for a setting that is null."""
NULL = {"retrieval.k": "as many as fit", "model.reasoner": "none"}
"""Setting → what null means there, where it is shown in other words."""
UNEQUAL = ("budget.", "retrieval.", "train.epochs", "training examples", "number types")
"""Of what systems may differ in, what the first part of a report names: how much each was given,
and with which numbers it computed."""


def unequal(systems: Sequence[System]) -> list[Difference]:
    """Differences of budgets, passes, retrieval, training examples and number types."""
    return [one for one in setting_differences(systems) if one.what.startswith(UNEQUAL)]


def _differing(systems: Sequence[System], rules: Mapping[str, Read]) -> list[Difference]:
    """The values in which runs that have them do not agree."""
    differences = []
    for what, read in rules.items():
        found: dict[str, list[str]] = defaultdict(list)
        for system in systems:
            for own in map(read, system.records):
                if own is not None and system.name not in found[str(own)]:
                    found[str(own)].append(system.name)
        if len(found) > 1:
            values = {value: tuple(names) for value, names in found.items()}
            differences.append(Difference(what, values))
    return differences


def _setting(key: str, absent: Json = None) -> Read:
    """Reads the setting `section.name` of a record; `absent` if it is null or not recorded.

    None for texts that were made elsewhere, whose settings of decoding are not known.
    """

    def found(record: Record) -> object:
        value = record.setting(key)
        return absent if value is None and record.kind == "run" else value

    return found


def _fingerprint(split: str) -> Read:
    def found(record: Record) -> str | None:
        known = record.data.splits.get(split)
        return known and known.fingerprint[:12]

    return found


def _signature(name: str) -> Read:
    return lambda record: record.metrics[name].signature if name in record.metrics else None
