"""The pieces of work that all processes of a run do together; alone, one process does them."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from harness.engine.backbone import weights_fingerprint
from harness.engine.checkpoint import TrainLog
from harness.engine.devices import cast, place
from harness.engine.lm import CausalLM, PersonalLM
from harness.engine.number_types import NumberTypes
from harness.engine.token_bound import set_bound
from harness.engine.train import train
from harness.engine.weight_files import round_trained
from harness.errors import HarnessError
from harness.pipeline.job import MAIN, Job
from harness.pipeline.training_steps import TrainingData, mean_loss
from harness.record import ModelInfo, Step
from harness.settings import TrainSettings

OnStep = Callable[[int, int, Step, TrainLog], None]


def build(job: Job, name: str, types: NumberTypes) -> tuple[PersonalLM, ModelInfo]:
    """The method's model before training, kept as `name`, and what the record says of it.

    types: number types, which are the first process's everywhere.
    """
    job.team.types = types
    lm, info = job.build()
    job.team.models[name] = lm
    return lm, info


def ready_to_train(job: Job, name: str) -> None:
    """Put a model on this process's device."""
    job.ready_to_train(job.team.models[name])


def keep_data(job: Job, data: TrainingData) -> None:
    """Keep the rows of the training."""
    job.team.data = data


def train_model(
    job: Job,
    name: str,
    lr: float,
    settings: TrainSettings,
    checkpoint: Path,
    *,
    on_step: OnStep | None = None,
) -> TrainLog:
    """Train a model on the rows that are kept; see `harness.engine.train.train`.

    on_step: of the first process.
    """
    assert job.team.data is not None
    return train(
        job.team.models[name],
        job.team.data.rows,
        settings,
        lr=lr,
        seed=job.plan.settings.seed,
        dtype=job.hardware.dtype,
        checkpoint=checkpoint,
        on_step=on_step,
        say=job.bars.say,
        ranks=job.team.ranks,
    )


def loss_on_val(job: Job, name: str) -> float | None:
    """Mean loss on val; each process evaluates its part."""
    assert job.team.data is not None
    return mean_loss(job, job.team.models[name], job.team.data.val_rows)


def round_weights(job: Job, name: str, dtype: torch.dtype) -> None:
    """Give trained weights the values that they have once they are saved."""
    round_trained(job.team.models[name], dtype)


def share_weights(job: Job, name: str) -> None:
    """Give a model the first process's tensors."""
    if job.team.ranks.count > 1:
        lm = job.team.models[name]
        place(lm, job.hardware.devices)
        job.team.ranks.share_tensors(lm.state_dict().values())


def settle(job: Job, name: str) -> None:
    """Make a model ready for generation."""
    job.settle(job.team.models[name])


def bound_tokens(job: Job, most: int | None) -> None:
    """Let a batch of texts hold at most so many tokens."""
    job.plan.tokens_at_once = most
    set_bound(most)


def adapt(job: Job, name: str) -> None:
    """What the method does with the test users before the first text.

    The other processes have a workspace of their own, which goes with them.
    """
    if job.plan.method.workspace is None:
        job.plan.method.workspace = Path(tempfile.mkdtemp(prefix="harness-"))
    job.plan.method.adapt(job.team.models[name], job.plan.test.examples)


def fingerprint(job: Job, name: str) -> str:
    """Fingerprint of a model's tensors. Raises HarnessError if a process has others."""
    own = weights_fingerprint(job.team.models[name])
    for index, other in enumerate(job.team.ranks.gather(own)):
        if other != own:
            raise HarnessError(
                f"process {index} has other weights ({other}) than process 0 ({own}); expected the"
                " same in all of them. Repeat the command; if this comes again, use --processes 1"
            )
    return own


def method_rounds(
    job: Job, work: Callable[..., Any], lm: PersonalLM, parts: Sequence[Any]
) -> Iterator[list[Any]]:
    """`Method.rounds`: what `work(method, lm, part)` returns for each part, a round at a time.

    A model that is not the method's, nor the causal LM in it, is known to this process alone, which
    then does all of it.
    """
    main = job.team.models[MAIN]
    inner = getattr(main, "model", None)
    if lm is main or (inner is not None and getattr(lm, "model", None) is inner):
        yield from job.rounds(_of_method, [(work, part) for part in parts], MAIN, lm)
    else:
        yield from ([work(job.plan.method, lm, part)] for part in parts)


def _of_method(job: Job, lm: PersonalLM, asked: tuple[Callable[..., Any], Any]) -> Any:
    work, part = asked
    return work(job.plan.method, lm, part)


def forget(job: Job, name: str) -> None:
    """Let go of a model."""
    job.team.models.pop(name, None)
    gc.collect()


def load_base(job: Job, name: str, *, model: Any = None) -> PersonalLM:
    """The base model as it generates, kept as `name`. model: if this process has loaded it."""
    lm = CausalLM(job.plan.backbones.main if model is None else model)
    place(lm, job.hardware.devices[:1])
    cast(lm, job.hardware.generation)
    job.team.models[name] = lm
    return lm


def replace_thoughts(job: Job, name: str, of: str, kind: str, *, lm: Any = None) -> PersonalLM:
    """The model `of` with other thoughts, kept as `name`. lm: that model in the first process."""
    changed = job.plan.method.controlled(job.team.models[of] if lm is None else lm, kind)
    job.team.models[name] = changed
    return changed
