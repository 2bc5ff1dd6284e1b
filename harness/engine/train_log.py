"""What a training leaves behind: its curve and its counts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class StepLog:
    """One optimizer step: mean loss per response token before it, learning rate, gradient norm.

    seconds: how long it took; no part of whether two steps are the same.
    """

    step: int
    loss: float
    lr: float
    grad_norm: float
    seconds: float = field(default=0.0, compare=False)


@dataclass
class TrainLog:
    """What training did so far; `seconds` counts steps only, over all sittings."""

    curve: list[StepLog] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    response_tokens: int = 0
