"""Which sft a system is compared with: plain, with its FLOPs, with its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean

from harness.record import Json, Record
from harness.reports.runs.choices import OPTION, chosen_by
from harness.reports.runs.systems import Board, System

SFT = "sft"
"""The method whose gain is asked about, and whose arms have equal compute."""
SAME_SIZE = 0.1
"""Two systems have equal FLOPs or parameters if the numbers differ by no more than this share."""
CHOSEN = ("model.reasoner", "train.lr")
"""Settings that are chosen for each method."""
FITTED = (
    "model.attention", "train.micro_tokens", "train.gradient_checkpointing",
    "train.checkpoint_minutes", "decode.batch_size", "decode.tokens_at_once", "decode.step",
    "decode.slots",
)  # fmt: skip
"""Settings that fit a run into time and memory, and change no result beyond rounding."""
SHOWN = 3
"""Differences that a reason lists."""


@dataclass(frozen=True)
class Arm:
    """The sft that was found, or why none was: "" if there is none to name."""

    system: System | None
    why: str = ""


def plain(board: Board, system: System) -> Arm:
    """sft with the system's own settings, backbone included."""
    return _first_equal(system, _of_sft(board, None))


def of_equal_flops(board: Board, system: System) -> Arm:
    """sft that was trained by `flops_of`, with as many FLOPs as the system in fact took."""
    found = _of_sft(board, system.record.method)
    return _first_equal(system, found, more=lambda arm: _other_flops(arm.record, system.record))


def of_equal_parameters(board: Board, system: System) -> Arm:
    """sft on a backbone with as many parameters as the system has."""
    its = system.record.backbone.method_parameters
    found = [
        one for one in _of_sft(board, None) if _equal(one.record.backbone.method_parameters, its)
    ]
    return _first_equal(system, found, free=("model.backbone", "model.revision"))


def _of_sft(board: Board, flops_of: str | None) -> list[System]:
    systems = (one for one in board.systems if one.record.method == SFT)
    return [one for one in systems if one.record.setting("method.flops_of") == flops_of]


def _first_equal(
    system: System,
    found: Sequence[System],
    free: Sequence[str] = (),
    more: Callable[[System], list[str]] = lambda arm: [],
) -> Arm:
    """The one of `found` with the system's shared settings.

    Of several, as of several learning rates, the one with the most training seeds, and of these
    with the lowest loss on val. free: shared settings that may differ. more: other objections.
    """
    own, *settings = chosen_by([system.record, *(one.record for one in found)])
    shared = [key for key in own if key not in (*CHOSEN, *FITTED, *free)]
    shared = [key for key in shared if not key.startswith(OPTION)]
    objections = [
        [*more(one), *(_differs(key, arm[key], own[key]) for key in shared if arm[key] != own[key])]
        for one, arm in zip(found, settings, strict=True)
    ]
    equal = [one for one, against in zip(found, objections, strict=True) if not against]
    if equal:
        return Arm(min(equal, key=lambda one: (-len(one.runs), _val_loss(one))))
    if not found:
        return Arm(None)
    nearest, against = min(zip(found, objections, strict=True), key=lambda each: len(each[1]))
    rest = [f"{len(against) - SHOWN} more"] if len(against) > SHOWN else []
    return Arm(None, f"{nearest.name} has {'; '.join([*against[:SHOWN], *rest])}")


def _differs(key: str, arm: Json, own: Json) -> str:
    return f"{key} {arm}, not {own}"


def _other_flops(arm: Record, own: Record) -> list[str]:
    """The objection to an arm's FLOPs; none if they are equal."""
    # what `flops_of` makes equal: neither the loss on val nor a search of the rate
    first, second = (one.training and (one.training.flops or {}).get("steps") for one in (arm, own))
    if not first or not second:
        return ["FLOPs that cannot be compared: a record lacks them"]
    return [] if _equal(first, second) else [f"{first / second:.2f} × the FLOPs of training steps"]


def _equal(number: int | None, own: int | None) -> bool:
    return bool(number and own) and abs((number or 0) - (own or 0)) <= SAME_SIZE * (own or 0)


def _val_loss(system: System) -> float:
    losses = [one.training.val_loss for one in system.records if one.training]
    known = [loss for loss in losses if loss is not None]
    return fmean(known) if known else inf
