"""Which runs may stand in one table: same task, setting, data, cap, sampling, signatures."""

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
    "eval.slices": "slices of the target",
    "decode.samples": "texts of each example",
}
"""Settings without which the parts of two runs are not each other's: never allowed to differ."""
MACHINE: Mapping[str, Callable[[DeviceInfo], object]] = {
    "device": lambda machine: machine.device,
    "accelerator": lambda machine: machine.accelerator,
    "processor": lambda machine: machine.processor,
    "dtype": lambda machine: machine.dtype,
    "threads": lambda machine: machine.threads,
}


@dataclass(frozen=True)
class Difference:
    """Something that is not the same everywhere: value → the systems that have it."""

    what: str
    values: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        told = "; ".join(f"{value}: {', '.join(names)}" for value, names in self.values.items())
        return f"{self.what}  {told}"


def checked(board: Board, allow_different: bool) -> Board:
    """The board, with what differs noted. Raises DataError for differences unless allowed.

    Without one common example, or with other slices or numbers of texts, nothing is allowed.
    """
    apart = [
        one
        for key, what in UNPAIRED.items()
        if (one := _apart(board.systems, f"{what} ({key})", _setting(key)))
    ]
    if apart:
        lines = [f"{board.task}: nothing of these runs can be paired"]
        lines += [f"  {one}" for one in apart]
        lines.append(
            "  mend  run some of them again with --set and the others' value, or compare them apart"
        )
        raise DataError("\n".join(lines))
    found = differences(board)
    common = set.intersection(*(set(record.examples) for record in _records(board)))
    if not common:
        raise DataError(
            f"{board.task}: no example stands in all of {', '.join(s.name for s in board.systems)};"
            " expected runs on the same test data. Compare them apart"
        )
    if found and not allow_different:
        lines = [f"{board.task}: these runs do not compare"]
        lines += [f"  {one}" for one in found]
        lines.append(
            "  mend  give runs that agree in this, or --allow-different (missing examples then"
            " count as empty, and every table says so)"
        )
        raise DataError("\n".join(lines))
    return replace(board, allowed=tuple(str(one) for one in found))


def differences(board: Board) -> list[Difference]:
    """What must be the same for a difference in a table to be one of method, and is not."""
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
        ("further ends (decode.stop)", _setting("decode.stop", [])),
        ("hidden blocks (decode.strip)", _setting("decode.strip", ["think"])),
        ("other users for lift (eval.donors)", lambda record: record.lift and record.lift.donors),
    ]
    rules += [
        (f"data of the {split} split (fingerprint)", _fingerprint(split))
        for split in ("train", "val", "test")
    ]
    names = dict.fromkeys(name for one in _records(board) for name in one.metrics)
    rules += [(f"signature of {name}", _signature(name)) for name in names]
    found = [one for what, value in rules if (one := _apart(board.systems, what, value))]
    missing = _missing(board)
    return [*found, missing] if missing else found


def machines(systems: Sequence[System]) -> list[Difference]:
    """In what the machines differ: then times do not compare."""
    return [
        one
        for name, read in MACHINE.items()
        if (one := _apart(systems, name, partial(_machine, read)))
    ]


def chosen_apart(systems: Sequence[System]) -> list[Difference]:
    """Settings, backbone and amount of data in which systems differ: allowed, and printed."""
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
    return [one for what, value in rules if (one := _apart(systems, what, value))]


def _apart(
    systems: Sequence[System], what: str, value: Callable[[Record], object]
) -> Difference | None:
    """None where all runs that have the value agree in it."""
    found: dict[str, list[str]] = defaultdict(list)
    for system in systems:
        for run in system.runs:
            own = value(run.record)
            if own is not None and system.name not in found[str(own)]:
                found[str(own)].append(system.name)
    values = {told: tuple(names) for told, names in found.items() if names}
    return Difference(what, values) if len(values) > 1 else None


def _missing(board: Board) -> Difference | None:
    """Runs that lack examples which others have."""
    lacking: dict[str, list[str]] = defaultdict(list)
    for system in board.systems:
        for run in system.runs:
            absent = len(board.ids) - len(run.record.examples)
            told = f"{absent} of {len(board.ids)} missing" if absent else "all there"
            if system.name not in lacking[told]:
                lacking[told].append(system.name)
    values = {told: tuple(names) for told, names in lacking.items()}
    return Difference("test examples", values) if len(values) > 1 else None


def _records(board: Board) -> list[Record]:
    return [record for system in board.systems for record in system.records]


def _setting(key: str, absent: object = None) -> Callable[[Record], object]:
    """The setting `section.name` of a record; `absent` for one that came after it, or is null."""

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
