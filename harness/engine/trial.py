"""Trial of a method's model before training: every use by a run, on a few tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from math import isfinite

import torch
from torch import Tensor

from harness.engine.agreement import EAGER, passes_with_eager
from harness.engine.batch import PAD_ID, Batch
from harness.engine.decode import logprobs_in_steps
from harness.engine.lm import PersonalLM, causal_lms, embedding_matrix
from harness.engine.train import gradient_norm, recompute_activations
from harness.errors import UsageError

PROMPTS, RESPONSES, PREFIXES = (7, 2, 11), (3, 5, 1), (0, 3, 1)
"""Tokens in each row of the trial; unequal, so that every kind of padding occurs."""
TOLERANCE = 5e-3
"""Largest difference in nats between two computations of a log-prob. Rounding of real fp32 models
is a tenth of it; attention to padding or a lost state is far above it."""
OWN = ("harness", "baselines", "flythinker")
OTHER = "  mend      choose another backbone, or another method: docs/backbones.md says which work"


class _DisagreementError(Exception):
    """Two computations of one number differ; the message says which and by how much."""


def refuse_wrong_ways(
    lm: PersonalLM,
    name: str,
    *,
    trains: bool = False,
    checkpointing: bool = False,
    views: Sequence[str] = (),
) -> None:
    """Compare batches, steps and prefixes with single rows, and compute the gradients of one step.

    Weights, gradients, mode and random state stay as they were.

    Args:
        lm: the method's model.
        name: the method's name in messages.
        trains: whether the method trains.
        checkpointing: whether training will recompute activations.
        views: further prompt views that the model reads.

    Raises UsageError with the model's classes, what differed and the remedy. An error in a plugin's
    own code is raised unchanged.
    """
    models = [model for _, model in causal_lms(lm)]

    def failure() -> Exception | None:
        try:
            with _restored(lm):
                _compare(lm, views)
                if trains:
                    _learn(lm, _batch(*_rows(lm), views), checkpointing)
        except _DisagreementError as error:
            return error
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            if type(lm).__module__.partition(".")[0] not in OWN:
                raise
            text = str(error).strip().split("\n")[0]
            return _DisagreementError(f"cannot be run: {type(error).__name__}: {text}")
        return None

    if (failed := failure()) is not None:
        mend = EAGER if passes_with_eager(models, lambda: failure() is None) else OTHER
        classes = " and ".join(dict.fromkeys(type(model).__name__ for model in models))
        raise UsageError(f"{name} with {classes}: {failed}\n{mend}") from failed


@contextmanager
def _restored(lm: PersonalLM) -> Iterator[None]:
    modes, hidden_s = [(part, part.training) for part in lm.modules()], lm.hidden_s
    try:
        with torch.random.fork_rng():
            yield
    finally:
        recompute_activations(lm, False)
        lm.zero_grad(set_to_none=True)
        for part, mode in modes:
            part.training = mode
        lm.hidden_s = hidden_s


@torch.inference_mode()
def _compare(lm: PersonalLM, views: Sequence[str]) -> None:
    lm.eval()
    # 1. Each row by itself
    prompts, responses = _rows(lm)
    single = [
        lm.logprobs(_batch([prompt], [response], views))[0].float().cpu()
        for prompt, response in zip(prompts, responses, strict=True)
    ]
    for row in single:
        if not row.isfinite().all():
            raise _DisagreementError(f"log-probs of a single row are {row.tolist()}, not finite")
    # 2. The other ways to the same numbers
    batch = _batch(prompts, responses, views)
    prefixes = [min(some, len(row)) for some, row in zip(PREFIXES, responses, strict=True)]
    ways: dict[str, Callable[[], list[Tensor]]] = {
        "rows of unequal length in one batch": lambda: [
            row[real] for row, real in zip(lm.logprobs(batch), batch.response_mask, strict=True)
        ],
        "steps after prompts of unequal length": lambda: logprobs_in_steps(lm, batch),
        "steps after prefixes of unequal length": lambda: logprobs_in_steps(lm, batch, prefixes),
    }
    # 3. Compare
    for way, run in ways.items():
        for row, expected in zip(run(), single, strict=True):
            gaps = (row.float().cpu() - expected[len(expected) - len(row) :]).abs().tolist()
            if not all(gap <= TOLERANCE for gap in gaps):
                raise _DisagreementError(
                    f"{way}: log-probs differ by up to {max(gaps):.2g} from those of a single row;"
                    f" expected at most {TOLERANCE}"
                )


def _learn(lm: PersonalLM, batch: Batch, checkpointing: bool) -> None:
    """Gradients of one step; they must not change with recomputed activations."""
    stored = _gradients(lm, batch, False)
    if not checkpointing:
        return
    recomputed = _gradients(lm, batch, True)
    if stored != _gradients(lm, batch, False, seed=1):  # dropout: nothing to compare
        return
    for what, without, with_it in zip(("loss", "gradient norm"), stored, recomputed, strict=True):
        if not abs(without - with_it) <= TOLERANCE * max(1.0, abs(without)):
            raise _DisagreementError(
                f"{what} with gradient checkpointing {with_it:.4g}, without {without:.4g};"
                " expected the same (--set train.gradient_checkpointing=false)"
            )


def _gradients(
    lm: PersonalLM, batch: Batch, recomputed: bool, seed: int = 0
) -> tuple[float, float]:
    """Loss and gradient norm in training. Raises _DisagreementError if one is not finite."""
    lm.train()
    recompute_activations(lm, recomputed)
    lm.zero_grad(set_to_none=True)
    torch.manual_seed(seed)
    loss = lm.loss(batch)
    loss.backward()
    numbers = loss.item(), gradient_norm(lm).item()
    if not all(map(isfinite, numbers)):
        raise _DisagreementError(
            f"one gradient step: loss {numbers[0]}, gradient norm {numbers[1]}; expected numbers"
        )
    return numbers


def _rows(lm: PersonalLM) -> tuple[list[list[int]], list[list[int]]]:
    """Prompts and responses with ids from the first half of the smallest vocabulary in `lm`."""
    sizes = [embedding_matrix(model).size(0) for _, model in causal_lms(lm)]
    top, ids = max(2, min(sizes, default=64) // 2), count()
    prompts, responses = (
        [[1 + next(ids) * 7 % (top - 1) for _ in range(length)] for length in lengths]
        for lengths in (PROMPTS, RESPONSES)
    )
    return prompts, responses


def _batch(prompts: list[list[int]], responses: list[list[int]], views: Sequence[str]) -> Batch:
    return Batch.from_rows(prompts, responses, PAD_ID, views=dict.fromkeys(views, prompts))
