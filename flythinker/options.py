"""The options of FlyThinker's methods. Light: a comparison reads their defaults without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.settings import Section

LAM = 0.5
"""The paper's λ."""
Weights = Literal["trained", "frozen", "random"]
Reads = Literal["text", "position"]


class ThoughtOptions(Section):
    lam: float = LAM
    """λ, the weight of a thought added to a token's embedding; 0 is SFT."""
    lam_warmup: float = Field(0.0, ge=0, le=1)
    """Share of the training steps over which λ rises from 0; 0 is the paper's setting."""
    reasoner_gate: bool = False
    """Multiply thoughts by a learnable number that is zero at the start, so that training begins
    where SFT begins. The optimizer moves it by about the learning rate a step; λ multiplies it."""


class FlyThinkerOptions(ThoughtOptions):
    concurrent: bool | None = None
    """Run both models' decoding steps at once. Default: chosen by device and model size."""
    reasoner_weights: Weights = "trained"
    """The reasoner's weights: `trained` jointly; for ablations `frozen` as loaded, or frozen at
    `random` values."""
    reasoner_reads: Reads = "text"
    """What the reasoner reads: the `text`; for an ablation, only the `position` of each token."""


class SharedOptions(ThoughtOptions):
    train_base: bool = False
    """Train the backbone too, through both models; by default only the adapters."""
    recompute_thoughts: bool = True
    """Compute thoughts again in the backward pass: the memory of one pass instead of two, for the
    time of another forward pass."""
