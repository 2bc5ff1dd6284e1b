"""What a training leaves behind: its curve and its counts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class StepLog:
    """One optimizer step: mean loss per response token before it, learning rate, gradient norm."""

    step: int
    loss: float
    lr: float
    grad_norm: float


@dataclass
class TrainLog:
    """What training did so far; `seconds` counts steps only, over all sittings."""

    curve: list[StepLog] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    response_tokens: int = 0
