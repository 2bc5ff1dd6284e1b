"""Every way that a run uses a method's model, tried on a few tokens before training."""

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
"""Tokens of each row that is tried; unequal, so that padding of every kind occurs."""
TOLERANCE = 5e-3
"""Largest gap in nats between two ways to one log-prob: rounding of real fp32 models stays
tenfold below, attention to padding or a lost state is far above."""
OWN = ("harness", "baselines", "flythinker")
EAGER = "  mend      --set model.attention=eager, with which it agrees"
OTHER = "  mend      choose another backbone, or another method: docs/backbones.md says which work"


class _DisagreementError(Exception):
    """Two ways of computing one number differ; the message says which and by how much."""


def refuse_wrong_ways(
    lm: PersonalLM,
    name: str,
    *,
    trains: bool = False,
    checkpointing: bool = False,
    views: Sequence[str] = (),
) -> None:
    """Compare each way of reading and writing with rows alone; take one gradient step's gradients.

    name: how messages call the method. views: further prompt views that its model reads.
    checkpointing: whether training will recompute activations. Weights, gradients, mode and random
    state are left as they were. Raises UsageError naming the model's classes, what differed and
    the remedy; an error of a plugin's own code is raised as it is.
    """
    models = _models(lm)
    failed = _failure(lm, trains, checkpointing, views)
    if failed is None:
        return
    mend = EAGER if _agrees_when_eager(models, lm, trains, checkpointing, views) else OTHER
    classes = " and ".join(dict.fromkeys(type(model).__name__ for model in models))
    raise UsageError(f"{name} with {classes}: {failed}\n{mend}") from failed


def _agrees_when_eager(models: Sequence[PreTrainedModel], lm: PersonalLM, *rest: Any) -> bool:
    asked = [model.config._attn_implementation for model in models]
    if all(each == "eager" for each in asked):
        return False
    try:
        for model in models:
            model.set_attn_implementation("eager")
        return _failure(lm, *rest) is None
    except ValueError:
        return False
    finally:
        for model, each in zip(models, asked, strict=True):
            model.set_attn_implementation(each)


def _failure(
    lm: PersonalLM, trains: bool, checkpointing: bool, views: Sequence[str]
) -> Exception | None:
    try:
        with _as_it_was(lm):
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
def _as_it_was(lm: PersonalLM) -> Iterator[None]:
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
    prompts, responses = _rows(lm)
    alone = [
        lm.logprobs(_batch(lm, [prompt], [response], views))[0].float().cpu()
        for prompt, response in zip(prompts, responses, strict=True)
    ]
    for row in alone:
        if not row.isfinite().all():
            raise _DisagreementError(f"log-probs of a row alone are {row.tolist()}, not numbers")
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
    for way, run in ways.items():
        for found, expected in zip(run(), alone, strict=True):
            gap = (found - expected[-len(found) :]).abs().max().item() if len(found) else 0.0
            if not gap <= TOLERANCE:
                raise _DisagreementError(
                    f"{way}: log-probs differ by up to {gap:.2g} from those of a row alone;"
                    f" expected at most {TOLERANCE}"
                )


def _together(
    lm: PersonalLM,
    prompts: Sequence[list[int]],
    responses: Sequence[list[int]],
    views: Sequence[str],
) -> list[Tensor]:
    given = lm.logprobs(_batch(lm, prompts, responses, views)).float().cpu()
    return [row[: len(response)] for row, response in zip(given, responses, strict=True)]


def _steps(
    lm: PersonalLM,
    prompts: Sequence[list[int]],
    responses: Sequence[list[int]],
    known: Sequence[int],
    views: Sequence[str],
) -> list[Tensor]:
    """Log-probs of each response after its first `known` tokens, which are given as prefixes."""
    more: dict[str, Any] = {"views": {view: list(prompts) for view in views}} if views else {}
    given = [response[:count] for response, count in zip(responses, known, strict=True)]
    logits, state = lm.prefill(prompts, given if any(known) else None, **more)
    found: list[list[Tensor]] = [[] for _ in prompts]
    rests = [response[count:] for response, count in zip(responses, known, strict=True)]
    longest = max(map(len, rests))
    for at in range(longest):
        tokens = [rest[at] if at < len(rest) else 1 for rest in rests]
        scores = logits.float().log_softmax(-1).cpu()
        for row, (rest, token) in enumerate(zip(rests, tokens, strict=True)):
            if at < len(rest):
                found[row].append(scores[row, token])
        if at + 1 < longest:
            logits, state = lm.step(torch.tensor(tokens, device=logits.device), state)
    return [torch.stack(row) if row else torch.empty(0) for row in found]


def _learn(lm: PersonalLM, checkpointing: bool, views: Sequence[str]) -> None:
    """Gradients of one step, kept or recomputed activations alike."""
    prompts, responses = _rows(lm)
    batch = _batch(lm, prompts, responses, views)
    plain = _gradients(lm, batch, False)
    if not checkpointing:
        return
    saved = _gradients(lm, batch, True)
    if plain != _gradients(lm, batch, False, seed=1):  # dropout: no two ways draw alike
        return
    for what, one, other in zip(("loss", "gradient norm"), plain, saved, strict=True):
        if not abs(one - other) <= TOLERANCE * max(1.0, abs(one)):
            raise _DisagreementError(
                f"{what} with gradient checkpointing {other:.4g}, without {one:.4g};"
                " expected the same (--set train.gradient_checkpointing=false)"
            )


def _gradients(
    lm: PersonalLM, batch: Batch, recomputed: bool, seed: int = 0
) -> tuple[float, float]:
    """Loss and gradient norm in training. Raises where one is not a number."""
    lm.train()
    recompute_activations(lm, recomputed)
    lm.zero_grad(set_to_none=True)
    torch.manual_seed(seed)
    loss = lm.loss(batch)
    loss.backward()
    found = loss.item(), gradient_norm(lm).item()
    if not all(map(isfinite, found)):
        raise _DisagreementError(
            f"one gradient step: loss {found[0]}, gradient norm {found[1]}; expected numbers"
        )
    return found


def _models(lm: PersonalLM) -> list[PreTrainedModel]:
    return [
        part
        for part in lm.modules()
        if isinstance(part, PreTrainedModel) and part.base_model is not part
    ]


def _rows(lm: PersonalLM) -> tuple[list[list[int]], list[list[int]]]:
    """Prompts and responses of ids from the first half of the smallest vocabulary in `lm`."""
    sizes = [embedding_matrix(model).size(0) for model in _models(lm)]
    top = max(2, min(sizes, default=64) // 2)
    ids = iter(range(10**9))
    made = [[1 + next(ids) * 7 % (top - 1) for _ in range(n)] for n in (*PROMPTS, *RESPONSES)]
    return made[: len(PROMPTS)], made[len(PROMPTS) :]


def _batch(
    lm: PersonalLM,
    prompts: Sequence[list[int]],
    responses: Sequence[list[int]],
    views: Sequence[str],
) -> Batch:
    return Batch.from_rows(prompts, responses, PAD_ID, views=dict.fromkeys(views, prompts) or None)
