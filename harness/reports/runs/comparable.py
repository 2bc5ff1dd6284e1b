"""Which runs may share a table: same task, setting, data, cap, sampling and signatures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.errors import DataError
from harness.record import DeviceInfo, Record
from harness.reports.runs.choices import chosen_by
from harness.reports.runs.systems import Board, System

UNPAIRED = {
    "eval.slices": "slices of the reference",
    "decode.samples": "texts of each example",
}
"""Settings that must agree for examples to be paired; `--allow-different` does not cover them."""
MACHINE: Mapping[str, Callable[[DeviceInfo], object]] = {
    "device": lambda machine: machine.device,
    "accelerator": lambda machine: machine.accelerator,
    "processor": lambda machine: machine.processor,
    "dtype": lambda machine: machine.dtype,
    "threads": lambda machine: machine.threads,
}


@dataclass(frozen=True)
class Difference:
    """Something in which runs differ: value → the systems that have it."""

    what: str
    values: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        shown = "; ".join(f"{value}: {', '.join(names)}" for value, names in self.values.items())
        return f"{self.what}  {shown}"


def checked(board: Board, allow_different: bool) -> Board:
    """The board, with the allowed differences noted.

    Raises DataError if slices or samples an example differ, if no example is shared, or if anything
    else in `differences` differs and `allow_different` is false.
    """
    # 1. What can never be allowed: examples that cannot be paired.
    blocking = [
        one
        for key, what in UNPAIRED.items()
        if (one := _difference(board.systems, f"{what} ({key})", _setting(key)))
    ]
    if blocking:
        lines = [f"{board.task}: examples of these runs cannot be paired"]
        lines += [f"  {one}" for one in blocking]
        lines.append(
            "  mend  rerun some with --set and the others' value, or compare them separately"
        )
        raise DataError("\n".join(lines))
    # 2. At least one example in common.
    common = set.intersection(*(set(record.examples) for record in _records(board)))
    if not common:
        raise DataError(
            f"{board.task}: no example is in all of {', '.join(s.name for s in board.systems)};"
            " expected runs on the same test data. Compare them separately"
        )
    # 3. The rest may differ if the user allows it.
    found = differences(board)
    if found and not allow_different:
        lines = [f"{board.task}: these runs are not comparable"]
        lines += [f"  {one}" for one in found]
        lines.append(
            "  mend  give runs that agree in this, or use --allow-different (missing examples then"
            " count as empty, and every table says so)"
        )
        raise DataError("\n".join(lines))
    return replace(board, allowed=tuple(str(one) for one in found))


def differences(board: Board) -> list[Difference]:
    """What differs although it must be the same for a table to compare methods."""
    rules: list[tuple[str, Callable[[Record], object]]] = [
        ("setting (data.setting)", _setting("data.setting")),
        ("cap on new tokens (decode.max_new_tokens)", _setting("decode.max_new_tokens")),
        ("temperature (decode.temperature)", _setting("decode.temperature")),
        ("top-p (decode.top_p)", _setting("decode.top_p")),
        ("top-k (decode.top_k)", _setting("decode.top_k", "none")),
        (
            "repetition penalty (decode.repetition_penalty)",
            _setting("decode.repetition_penalty", 1.0),
        ),
        ("stop strings (decode.stop)", _setting("decode.stop", [])),
        ("hidden blocks (decode.strip)", _setting("decode.strip", ["think"])),
        ("other users for lift (eval.donors)", lambda record: record.lift and record.lift.donors),
    ]
    rules += [
        (f"data of the {split} split (fingerprint)", _fingerprint(split))
        for split in ("train", "val", "test")
    ]
    names = dict.fromkeys(name for one in _records(board) for name in one.metrics)
    rules += [(f"signature of {name}", _signature(name)) for name in names]
    found = [one for what, value in rules if (one := _difference(board.systems, what, value))]
    missing = _missing(board)
    return [*found, missing] if missing else found


def machines(systems: Sequence[System]) -> list[Difference]:
    """How the machines differ; if they do, times are not comparable."""
    return [
        one
        for name, read in MACHINE.items()
        if (one := _difference(systems, name, partial(_machine, read)))
    ]


def setting_differences(systems: Sequence[System]) -> list[Difference]:
    """Settings, backbone and amount of data in which systems may differ; the report lists them."""
    records = [record for system in systems for record in system.records]
    chosen = {id(record): own for record, own in zip(records, chosen_by(records), strict=True)}

    def choice(key: str) -> Callable[[Record], object]:
        return lambda record: chosen[id(record)][key]

    rules: list[tuple[str, Callable[[Record], object]]] = [
        (key, choice(key)) for key in next(iter(chosen.values()), {})
    ]
    rules += [
        ("backbone's weights", lambda record: record.backbone.fingerprint),
        ("training examples", _training_examples),
        ("commit", lambda record: str(record.code.commit)[:12]),
    ]
    return [one for what, value in rules if (one := _difference(systems, what, value))]


def _difference(
    systems: Sequence[System], what: str, value: Callable[[Record], object]
) -> Difference | None:
    """The difference in one value; None if all runs that have the value agree."""
    found: dict[str, list[str]] = defaultdict(list)
    for system in systems:
        for run in system.runs:
            own = value(run.record)
            if own is not None and system.name not in found[str(own)]:
                found[str(own)].append(system.name)
    values = {value: tuple(names) for value, names in found.items() if names}
    return Difference(what, values) if len(values) > 1 else None


def _missing(board: Board) -> Difference | None:
    """Runs that lack examples of other runs."""
    lacking: dict[str, list[str]] = defaultdict(list)
    for system in board.systems:
        for run in system.runs:
            absent = len(board.ids) - len(run.record.examples)
            shown = f"{absent} of {len(board.ids)} missing" if absent else "none missing"
            if system.name not in lacking[shown]:
                lacking[shown].append(system.name)
    values = {value: tuple(names) for value, names in lacking.items()}
    return Difference("test examples", values) if len(values) > 1 else None


def _records(board: Board) -> list[Record]:
    return [record for system in board.systems for record in system.records]


def _setting(key: str, absent: object = None) -> Callable[[Record], object]:
    """Reads the setting `section.name` of a record; `absent` if it is null or not recorded."""

    def found(record: Record) -> object:
        value = record.setting(key)
        return absent if value is None else value

    return found


def _machine(read: Callable[[DeviceInfo], object], record: Record) -> object:
    return read(record.device)


def _fingerprint(split: str) -> Callable[[Record], object]:
    def found(record: Record) -> str | None:
        known = record.data.splits.get(split)
        return known and known.fingerprint[:12]

    return found


def _signature(name: str) -> Callable[[Record], object]:
    return lambda record: record.metrics[name].signature if name in record.metrics else None


def _training_examples(record: Record) -> object:
    return record.training and record.training.examples
