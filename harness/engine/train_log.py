"""The log of a training: its curve and its counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.record import Step


@dataclass
class TrainLog:
    """Progress of a training. `seconds` counts steps only, across resumed runs."""

    curve: list[Step] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    response_tokens: int = 0
