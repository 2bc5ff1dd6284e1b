"""Errors that benchmarks/faults.py puts into a process: no memory, and numbers that are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Inject = Callable[[int], Callable[[], None]]
"""Takes the number of a call; what it returns makes that call fail in its process."""


def _fails(
    place: Any, name: str, make: Callable[[], BaseException], only: int | None = None
) -> Inject:
    """The n-th call of a function raises; always the same call with `only`."""

    def at(call: int) -> Callable[[], None]:
        def inject() -> None:
            owner = place()
            real, calls = getattr(owner, name), [0]

            def crowded(*given: Any, **named: Any) -> Any:
                calls[0] += 1
                if calls[0] == (only or call):
                    raise make()
                return real(*given, **named)

            setattr(owner, name, crowded)

        return inject

    return at


def _nan_loss(call: int) -> Callable[[], None]:
    def inject() -> None:
        from harness.engine import train

        real, calls = train._accumulate_gradients, [0]

        def broken(*given: Any) -> float:
            calls[0] += 1
            loss = real(*given)
            return float("nan") if calls[0] == call else loss

        train._accumulate_gradients = broken

    return inject


def _nan_logits(call: int) -> Callable[[], None]:
    def inject() -> None:
        from harness.pipeline import generator as module

        real, calls = module.generate, [0]

        def broken(lm: Any, *given: Any, **named: Any) -> Any:
            calls[0] += 1
            if calls[0] != call + 1:  # the first call warms up
                return real(lm, *given, **named)
            step = lm.step
            lm.step = lambda tokens, state: (step(tokens, state)[0] * torch.nan, state)
            try:
                return real(lm, *given, **named)
            finally:
                del lm.step

        module.generate = broken

    return inject


def _train() -> Any:
    from harness.engine import train

    return train


def _likelihood() -> Any:
    from harness.pipeline.evaluate import reference_likelihood

    return reference_likelihood


def _val_loss() -> Any:
    from harness.pipeline import training_steps

    return training_steps


def _generate() -> Any:
    from harness.pipeline import generator

    return generator


INJECTIONS: tuple[tuple[str, Inject], ...] = (
    ("torch.OutOfMemoryError in a step", _fails(
        _train, "to_batch", lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to"))),
    ("RuntimeError in the loss on val", _fails(
        _val_loss, "to_batch", lambda: RuntimeError("can't allocate memory"), 1)),
    ("MemoryError in likelihood", _fails(_likelihood, "to_batch", MemoryError)),
    ("MemoryError in generate", _fails(_generate, "generate", MemoryError)),
    ("NaN loss", _nan_loss),
    ("NaN logits in generate", _nan_logits),
)  # fmt: skip
