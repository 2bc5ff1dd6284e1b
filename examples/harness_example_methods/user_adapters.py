"""Training one user's adapter, and keeping it in the run's folder with what it cost."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor
from transformers import get_scheduler

from harness.data.content import task_digest
from harness.engine.backbone import weights_fingerprint
from harness.engine.clock import now
from harness.engine.devices import number_type
from harness.engine.lm import CausalLM
from harness.engine.schedule import plan_steps
from harness.engine.template import describe_template
from harness.engine.train import precision
from harness.engine.weight_files import load_weights, same_file, save_weights
from harness.inputs.provenance import engine_versions, method_sha256
from harness.record import read_state, write_state
from harness.record.digest import json_sha256
from harness.settings import RunSettings
from harness.types import UserWork

if TYPE_CHECKING:
    from harness.method import Method
    from harness_example_methods.low_rank import Adapter

log = logging.getLogger(__name__)
T = TypeVar("T")
WARMUP, WEIGHT_DECAY, CLIP = 0.1, 0.01, 0.3
"""Share of the steps, AdamW's decay, and largest norm of a gradient in OPPU's and CoPe's code."""


@dataclass(frozen=True)
class Recipe:
    """How an adapter is trained. lr: peak rate. epochs: passes. batch: examples in a step."""

    lr: float
    epochs: float
    batch: int


@dataclass(frozen=True)
class UserFit:
    """What training one adapter cost. weights: sha256 of its file.

    tokens: hidden tokens that were generated for it. loss: in the last step.
    """

    seconds: float
    steps: int
    loss: float | None
    flops: int | None
    tokens: int = 0
    weights: str = ""

    @property
    def work(self) -> UserWork:
        return UserWork(self.seconds, self.tokens, self.flops)


def fit(
    lm: CausalLM,
    adapter: Adapter,
    rows: Sequence[T],
    loss: Callable[[Sequence[T]], Tensor],
    recipe: Recipe,
    seed: int,
    settings: RunSettings,
) -> UserFit:
    """Train `adapter` in place: AdamW, linear warm-up and decay, clipped gradients.

    The FLOPs are left to the caller, who knows what `loss` reads.

    Args:
        lm: the frozen model below the adapter; in training mode meanwhile, for dropout.
        adapter: what is trained.
        rows: the examples; none leaves the adapter as it is.
        loss: of the examples of a step.
        recipe: rate, passes, batch.
        seed: of their order and of dropout.
        settings: of the run, for the number type.
    """
    if not rows:
        return UserFit(0.0, 0, None, 0)
    begin, last = now(), None
    plan = plan_steps(len(rows), recipe.epochs, recipe.batch, seed)
    optimizer = torch.optim.AdamW(adapter.parameters(), lr=recipe.lr, weight_decay=WEIGHT_DECAY)
    schedule = get_scheduler("linear", optimizer, round(WARMUP * len(plan)), len(plan))
    lm.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for step in plan:
            with precision(lm.device, number_type(settings.model, lm.device)):
                value = loss([rows[index] for index in step])
            value.backward()
            torch.nn.utils.clip_grad_norm_(adapter.parameters(), CLIP)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            last = value.item()
    lm.eval()
    return UserFit(now() - begin, len(plan), last, None)


@dataclass(frozen=True)
class KeptAdapters:
    """The adapters in a run's folder: a file with weights and one with costs for each user.

    folder: of everything that an adapter depends on besides the profile; None: keep nothing.
    run_seed: of the run.
    """

    folder: Path | None
    run_seed: int

    @staticmethod
    def of(method: Method, lm: CausalLM) -> KeptAdapters:
        """The folder for this method on this task model."""
        settings = method.settings
        if method.workspace is None:
            return KeptAdapters(None, settings.seed)
        parts = [
            weights_fingerprint(lm),
            method.name,
            method.options.model_dump(),
            settings.budget.model_dump(),
            settings.retrieval.model_dump(),
            settings.decode.drawing,
            settings.decode.max_new_tokens,
            settings.seed,
            [lm.device.type, str(number_type(settings.model, lm.device))],
            method_sha256(type(method), settings.method),
            task_digest(method.writer.task),
            describe_template(method.rules.tokenizer),
            engine_versions(),
        ]
        name = json_sha256(*parts, sort_keys=True)[:16]
        return KeptAdapters(method.workspace / f"users-{name}", settings.seed)

    def seed(self, key: str) -> int:
        """The seed of one user's training."""
        text = f"user {self.run_seed} {key}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")

    def loaded_or(self, key: str, adapter: Adapter, train: Callable[[int], UserFit]) -> UserFit:
        """Load the adapter of `key` in place; if it is not there, or damaged, train and keep it.

        key: of the profile.
        adapter: with its first weights.
        train: trains it with a seed, in place.
        """
        if self.folder is None:
            return train(self.seed(key))
        weights, costs = self.folder / f"{key}.safetensors", self.folder / f"{key}.json"
        known = read_state(UserFit, costs, log.warning)
        if known is not None and same_file(weights, known.weights, log.warning):
            load_weights(adapter, weights)
            return known
        found = train(self.seed(key))
        digest = save_weights(adapter, weights)
        found = replace(found, weights=digest)
        write_state(costs, found)
        return found
