"""What is known of the optimizer steps before the first: their examples and learning rates."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import cos, pi

from harness.settings import TrainSettings


def examples_taken(examples: int, epochs: float) -> int:
    """How many examples a training takes: one that is taken in each of two epochs counts twice."""
    return max(1, round(examples * epochs))


def plan_steps(examples: int, epochs: float, batch_size: int, seed: int) -> list[list[int]]:
    """Indices of the examples in each optimizer step. They depend on these four numbers alone.

    Every epoch has a new order; a fractional last epoch takes the start of its order.
    """
    total = examples_taken(examples, epochs)
    stream: list[int] = []
    epoch = 0
    while len(stream) < total:
        order = list(range(examples))
        random.Random(f"order {seed} {epoch}").shuffle(order)
        stream += order
        epoch += 1
    stream = stream[:total]
    return [stream[start : start + batch_size] for start in range(0, total, batch_size)]


def rate_factor(settings: TrainSettings, steps: int) -> Callable[[int], float]:
    """The factor on the learning rate, a function of the step alone.

    That of transformers' `get_scheduler`, bit for bit; importing it imports peft, and with it
    bitsandbytes, which takes longer than reading the prepared prompts of a whole training set.
    """
    warmup = round(settings.warmup * steps)
    after = max(1, steps - warmup)

    def factor(step: int) -> float:
        if step < warmup:
            return step / warmup
        if settings.schedule == "linear":
            return max(0.0, (steps - step) / after)
        if settings.schedule == "cosine":
            return max(0.0, 0.5 * (1.0 + cos(pi * ((step - warmup) / after))))
        return 1.0

    return factor
