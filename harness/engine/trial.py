"""Trial of a method's model before training: every use by a run, on a few tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from harness.engine.batch import PAD_ID, Batch
from harness.engine.lm import PersonalLM, embedding_matrix
from harness.engine.train import gradient_norm, recompute_activations
from harness.errors import UsageError

PROMPTS, RESPONSES, PREFIXES = (7, 2, 11), (3, 5, 1), (0, 3, 1)
"""Tokens in each row of the trial; unequal, so that every kind of padding occurs."""
TOLERANCE = 5e-3
"""Largest difference in nats between two computations of a log-prob. Rounding of real fp32 models
is a tenth of it; attention to padding or a lost state is far above it."""
OWN = ("harness", "baselines", "flythinker")
EAGER = "  mend      --set model.attention=eager, which passes the same check"
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
    models = _models(lm)
    failed = _failure(lm, trains, checkpointing, views)
    if failed is None:
        return
    mend = EAGER if _agrees_when_eager(models, lm, trains, checkpointing, views) else OTHER
    classes = " and ".join(dict.fromkeys(type(model).__name__ for model in models))
    raise UsageError(f"{name} with {classes}: {failed}\n{mend}") from failed


def _agrees_when_eager(models: Sequence[PreTrainedModel], lm: PersonalLM, *rest: Any) -> bool:
    chosen = [model.config._attn_implementation for model in models]
    if all(each == "eager" for each in chosen):
        return False
    try:
        for model in models:
            model.set_attn_implementation("eager")
        return _failure(lm, *rest) is None
    except ValueError:
        return False
    finally:
        for model, each in zip(models, chosen, strict=True):
            model.set_attn_implementation(each)


def _failure(
    lm: PersonalLM, trains: bool, checkpointing: bool, views: Sequence[str]
) -> Exception | None:
    try:
        with _restored(lm):
            _compare(lm, views)
            if trains:
                _learn(lm, checkpointing, views)
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
        lm.logprobs(_batch(lm, [prompt], [response], views))[0].float().cpu()
        for prompt, response in zip(prompts, responses, strict=True)
    ]
    for row in single:
        if not row.isfinite().all():
            raise _DisagreementError(f"log-probs of a single row are {row.tolist()}, not finite")
    # 2. The other ways to the same numbers
    starts = [min(count, len(row)) for count, row in zip(PREFIXES, responses, strict=True)]
    ways: dict[str, Callable[[], list[Tensor]]] = {
        "rows of unequal length in one batch": lambda: _together(lm, prompts, responses, views),
        "steps after prompts of unequal length": lambda: _steps(
            lm, prompts, responses, [0] * len(prompts), views
        ),
        "steps after prefixes of unequal length": lambda: _steps(
            lm, prompts, responses, starts, views
        ),
    }
    # 3. Compare
    for way, run in ways.items():
        for row, expected in zip(run(), single, strict=True):
            gap = (row - expected[-len(row) :]).abs().max().item() if len(row) else 0.0
            if not gap <= TOLERANCE:
                raise _DisagreementError(
                    f"{way}: log-probs differ by up to {gap:.2g} from those of a single row;"
                    f" expected at most {TOLERANCE}"
                )


def _together(
    lm: PersonalLM,
    prompts: Sequence[list[int]],
    responses: Sequence[list[int]],
    views: Sequence[str],
) -> list[Tensor]:
    logprobs = lm.logprobs(_batch(lm, prompts, responses, views)).float().cpu()
    return [row[: len(response)] for row, response in zip(logprobs, responses, strict=True)]


def _steps(
    lm: PersonalLM,
    prompts: Sequence[list[int]],
    responses: Sequence[list[int]],
    given: Sequence[int],
    views: Sequence[str],
) -> list[Tensor]:
    """Log-probs of each response after its first `given` tokens, which are prefixes.

    Args:
        lm: the model.
        prompts: token ids, a row each.
        responses: token ids of each response.
        given: tokens of each response in its prefix.
        views: names of views, all with the same prompts.
    """
    more: dict[str, Any] = {"views": {view: list(prompts) for view in views}} if views else {}
    prefixes = [response[:count] for response, count in zip(responses, given, strict=True)]
    logits, state = lm.prefill(prompts, prefixes if any(given) else None, **more)
    logprobs: list[list[Tensor]] = [[] for _ in prompts]
    rests = [response[count:] for response, count in zip(responses, given, strict=True)]
    longest = max(map(len, rests))
    for step in range(longest):
        tokens = [rest[step] if step < len(rest) else 1 for rest in rests]
        scores = logits.float().log_softmax(-1).cpu()
        for row, (rest, token) in enumerate(zip(rests, tokens, strict=True)):
            if step < len(rest):
                logprobs[row].append(scores[row, token])
        if step + 1 < longest:
            logits, state = lm.step(torch.tensor(tokens, device=logits.device), state)
    return [torch.stack(row) if row else torch.empty(0) for row in logprobs]


def _learn(lm: PersonalLM, checkpointing: bool, views: Sequence[str]) -> None:
    """Gradients of one step; they must not change with recomputed activations."""
    prompts, responses = _rows(lm)
    batch = _batch(lm, prompts, responses, views)
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


def _models(lm: PersonalLM) -> list[PreTrainedModel]:
    return [
        part
        for part in lm.modules()
        if isinstance(part, PreTrainedModel) and part.base_model is not part
    ]


def _rows(lm: PersonalLM) -> tuple[list[list[int]], list[list[int]]]:
    """Prompts and responses with ids from the first half of the smallest vocabulary in `lm`."""
    sizes = [embedding_matrix(model).size(0) for model in _models(lm)]
    top = max(2, min(sizes, default=64) // 2)
    ids = iter(range(10**9))
    rows = [[1 + next(ids) * 7 % (top - 1) for _ in range(n)] for n in (*PROMPTS, *RESPONSES)]
    return rows[: len(PROMPTS)], rows[len(PROMPTS) :]


def _batch(
    lm: PersonalLM,
    prompts: Sequence[list[int]],
    responses: Sequence[list[int]],
    views: Sequence[str],
) -> Batch:
    return Batch.from_rows(prompts, responses, PAD_ID, views=dict.fromkeys(views, prompts) or None)
