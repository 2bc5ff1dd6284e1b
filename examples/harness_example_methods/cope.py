"""CoPe: OPPU's adapters, refined by DPO, decoded against the task model (arXiv 2506.12109).

After OPPU, the paper makes a preference pair of every past text. Chosen is the user's text.
Rejected is a text of the task model with the lowest implicit reward among some that it sampled:

    reward(y) = log p(y, with the adapter) − log p(y, without)

DPO (arXiv 2305.18290) then trains the adapter further, with the task model as reference:

    loss = −log σ(0.01 · (reward(chosen) − reward(rejected))),   rewards summed over tokens

Decoding is that of `cope_decoding.py`. Numbers of the published code (repository cleverscent/CoPe
at 1cb2b68): β 0.01, 1 pass, rate 5e-6, batch 8, three samples at temperature 1 and top-p 0.95,
chosen by the mean log-probability per token, the rest as in OPPU's code.

Our choices: those of `oppu`; the mean is over the text's tokens (there the prompt counts too); a
sample has the run's cap on new tokens; dropout is off in DPO. The samples are hidden text: their
tokens and seconds are in the record's `user_work_*`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from harness.engine.clock import now
from harness.engine.decode import generate
from harness.engine.devices import number_type
from harness.engine.flops import NoEstimateError, forward_flops, generation_flops
from harness.engine.lm import CausalLM
from harness.engine.micro_batches import TrainRow
from harness.engine.train import precision, to_batch
from harness.settings import Section
from harness.types import Example
from harness_example_methods.cope_decoding import CopeDecoding, CopeDecodingOptions
from harness_example_methods.low_rank import Adapter
from harness_example_methods.oppu import OppuLM
from harness_example_methods.user_adapters import Recipe, UserFit, fit


class CopeOptions(CopeDecodingOptions):
    beta: float = Field(0.01, gt=0)
    """β of DPO."""
    dpo_lr: float = Field(5e-6, gt=0)
    """Peak learning rate of DPO. The published number is for models of 7 B."""
    dpo_epochs: float = Field(1.0, gt=0)
    """Passes over the pairs."""
    dpo_batch: int = Field(8, ge=1)
    """Pairs in a step."""
    negatives: int = Field(3, ge=1)
    """Texts that the task model samples for each past text; the worst is the rejected one."""


@dataclass(frozen=True)
class Pair:
    """A past text, a worse one, and the task model's log-probability of each."""

    chosen: TrainRow
    rejected: TrainRow
    chosen_base: float
    rejected_base: float


def dpo(chosen: Tensor, rejected: Tensor, beta: float) -> Tensor:
    """DPO's loss, a scalar, of the rewards [B] of chosen and rejected texts."""
    return -F.logsigmoid(beta * (chosen - rejected)).mean()


class Cope(CopeDecoding):
    """OPPU, then DPO on each user's adapter, decoded against the task model."""

    name = "cope"
    Options: ClassVar[type[Section]] = CopeOptions
    options: CopeOptions

    def train_user(self, lm: OppuLM, adapter: Adapter, example: Example, seed: int) -> UserFit:
        """OPPU's training of one adapter, then DPO, both in place."""
        first = super().train_user(lm, adapter, example, seed)
        options, rows, begin = self.options, self.history(example), now()
        samples = self._sampled(lm, rows, seed)
        pairs = self._pairs(lm, adapter, rows, samples)
        sampling_s = now() - begin

        def loss(batch: Sequence[Pair]) -> Tensor:
            lm.eval()  # no dropout
            with lm.changed(adapter.changes):
                chosen, rejected = (
                    totals(lm, [getattr(pair, kind) for pair in batch])
                    for kind in ("chosen", "rejected")
                )
            base = torch.tensor([(p.chosen_base, p.rejected_base) for p in batch]).to(chosen)
            return dpo(chosen - base[:, 0], rejected - base[:, 1], options.beta)

        recipe = Recipe(options.dpo_lr, options.dpo_epochs, options.dpo_batch)
        second = fit(lm, adapter, pairs, loss, recipe, seed + 1, self.settings)
        return UserFit(
            seconds=first.seconds + sampling_s + second.seconds,
            steps=first.steps + second.steps,
            loss=second.loss,
            flops=self._flops(lm, first.flops, rows, samples, pairs),
            tokens=sum(len(text.response) for texts in samples for text in texts),
        )

    def _sampled(self, lm: OppuLM, rows: Sequence[TrainRow], seed: int) -> list[list[TrainRow]]:
        """The task model's texts for each row's prompt, as rows."""
        decode, end = self.settings.decode, self.rules.ends.trained
        asked = [index for index in range(len(rows)) for _ in range(self.options.negatives)]
        samples: list[list[TrainRow]] = [[] for _ in rows]
        for begin in range(0, len(asked), decode.batch_size):
            batch = asked[begin : begin + decode.batch_size]
            with precision(lm.device, number_type(self.settings.model, lm.device)):
                texts = generate(
                    CausalLM(lm.model),
                    [rows[index].prompt for index in batch],
                    max_new_tokens=decode.max_new_tokens,
                    temperature=1.0,
                    top_p=0.95,
                    **self.rules.stopping,
                    seeds=[seed + begin + at for at in range(len(batch))],
                )
            for index, ids in zip(batch, texts, strict=True):
                text = (*ids, *end) if len(ids) < decode.max_new_tokens else tuple(ids)
                samples[index].append(TrainRow(rows[index].id, rows[index].prompt, text))
        return samples

    @torch.no_grad()
    def _pairs(
        self,
        lm: OppuLM,
        adapter: Adapter,
        rows: Sequence[TrainRow],
        samples: Sequence[Sequence[TrainRow]],
    ) -> list[Pair]:
        """Each row with the sample of the lowest mean reward per token."""
        lm.eval()
        pairs = []
        for row, texts in zip(rows, samples, strict=True):
            with precision(lm.device, number_type(self.settings.model, lm.device)):
                base = totals(lm, texts)
                with lm.changed(adapter.changes):
                    user = totals(lm, texts)
                chosen_base = totals(lm, [row])
            lengths = torch.tensor([len(text.response) for text in texts]).to(user)
            worst = int(((user - base) / lengths).argmin())
            pair = Pair(row, texts[worst], chosen_base.item(), base[worst].item())
            pairs.append(pair)
        return pairs

    def _flops(
        self,
        lm: OppuLM,
        first: int | None,
        rows: Sequence[TrainRow],
        samples: Sequence[Sequence[TrainRow]],
        pairs: Sequence[Pair],
    ) -> int | None:
        """FLOPs of OPPU's training, the samples, their rewards, and DPO."""
        task_lm, texts = CausalLM(lm.model), [text for row in samples for text in row]
        both = [row for pair in pairs for row in (pair.chosen, pair.rejected)]
        try:
            sampled = generation_flops(
                task_lm, [text.prompt for text in texts], [text.response for text in texts]
            )
            scored = 2 * forward_flops(task_lm, texts) + forward_flops(task_lm, rows)
            trained = 2 * self.options.dpo_epochs * forward_flops(task_lm, both)
        except NoEstimateError:
            return None
        return None if first is None else round(first + sampled + scored + trained)


def totals(lm: OppuLM, rows: Sequence[TrainRow]) -> Tensor:
    """Log-probability [B] of each row's text, with the changes that are set."""
    return CausalLM(lm.model).logprobs(to_batch(rows)).sum(-1)
