"""NextQuill: causal effects of the user's history, in the loss (arXiv 2506.02368).

A causal effect is what the history changes: the prediction with it minus the prediction without.
The paper aligns both sides with it. On the model's side, the difference of the logits with and
without history must itself predict the reference (its cross-entropy, weighted by 0.01). On the
data's side, tokens of the reference whose probability the history raises by more than 0.05 carry
preference and weigh 0.9 in the cross-entropy; the others weigh 0.1.

    loss = mean over t of w_t · CE_t(z)  +  0.01 · mean over t of CE_t(z − z')
    w_t = 0.9 if p_t − p'_t > 0.05 else 0.1,   z, p with the profile, z', p' without

The authors' code (repository juntaoyou/NextQuill, train.py at 25e6a47) has one term or the other,
by a switch; here they are added, as in the paper's objective. As there, the weights have no
gradient, both passes of the difference have one, and an example's weights are divided by their
mean (there each device's batch, which is one example). The paper leaves open, and we chose: tokens
of a step count equally across examples, as in every loss of this harness.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from harness.engine.backbone import Backbones
from harness.engine.batch import Batch
from harness.engine.lm import precise_head
from harness.settings import Section
from harness_example_methods.two_views import NO_PROFILE, TrainedOnTwoViews, TwoViews


class NextQuillOptions(Section):
    difference: float = Field(0.01, ge=0)
    """Weight of the cross-entropy of the difference of the logits."""
    threshold: float = Field(0.05, ge=0, le=1)
    """A token carries preference if the profile raises its probability by more than this."""
    high: float = Field(0.9, gt=0)
    """Weight of tokens that carry preference."""
    low: float = Field(0.1, gt=0)
    """Weight of the other tokens. With low = high and difference 0 this is SFT."""


class NextQuillLM(TrainedOnTwoViews):
    """A causal LM trained on two causal effects of the profile; it generates like SFT."""

    def __init__(self, model: nn.Module, options: NextQuillOptions | None = None) -> None:
        super().__init__(model)
        self.options = options or NextQuillOptions()

    def loss(self, batch: Batch) -> Tensor:
        """Both terms, divided by the response tokens; `batch` has the view without profile."""
        batch = batch.to(self.device)
        states = zip(self.predicting(batch), self.predicting(batch.view(NO_PROFILE)), strict=True)
        total = torch.zeros((), device=self.device)
        for (full, bare), ids, real in zip(
            states, batch.response_ids, batch.response_mask, strict=True
        ):
            # logits [R,V] of two passes are large: they are computed again in the backward pass
            row = checkpoint(self._row, full[real], bare[real], ids[real], use_reentrant=False)
            total = total + row
        return total / batch.response_mask.sum()

    def _row(self, full: Tensor, bare: Tensor, ids: Tensor) -> Tensor:
        """The sum of both terms over one example; full, bare [R,D] predict ids [R]."""
        with_profile, without = (precise_head(self.model, part) for part in (full, bare))
        return terms(with_profile, without, ids, self.options)


def terms(full: Tensor, bare: Tensor, ids: Tensor, options: NextQuillOptions) -> Tensor:
    """The summed loss of one example, a scalar.

    full, bare: logits [R,V] with the profile and without.
    ids: its tokens [R].
    options: weights and threshold.
    """
    with torch.no_grad():
        p, p_bare = (part.softmax(-1).gather(-1, ids[:, None])[:, 0] for part in (full, bare))
        carries = p - p_bare > options.threshold
        weights = torch.where(carries, options.high, options.low)
        weights = weights / weights.mean()
    fit = (weights * F.cross_entropy(full, ids, reduction="none")).sum()
    return fit + options.difference * F.cross_entropy(full - bare, ids, reduction="sum")


class NextQuill(TwoViews):
    """SFT with NextQuill's loss; it generates like SFT, from the main view alone."""

    name = "nextquill"
    trains = True
    Options: ClassVar[type[Section]] = NextQuillOptions
    options: NextQuillOptions

    def build(self, backbones: Backbones) -> NextQuillLM:
        return NextQuillLM(backbones.main, self.options)
