"""What a training leaves behind: its curve and its counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.record import Step


@dataclass
class TrainLog:
    """What training did so far; `seconds` counts steps only, over all sittings."""

    curve: list[Step] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    response_tokens: int = 0
