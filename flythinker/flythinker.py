"""FlyThinker as a method: the same prompt as SFT, both models trained jointly."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flythinker.model import ANY, LAM, FlyThinkerLM
from flythinker.replaced_thoughts import ReplacedThoughtsLM
from flythinker.variants import PositionThinkerLM, Reads, Weights, prepared
from harness.engine.backbone import Backbones
from harness.engine.lm import PersonalLM
from harness.errors import UsageError
from harness.method import Method
from harness.settings import Section


class FlyThinkerOptions(Section):
    lam: float = LAM
    """λ, the weight of a thought added to a token's embedding; 0 is SFT."""
    lam_warmup: float = Field(0.0, ge=0, le=1)
    """Share of the training steps over which λ rises from 0; 0 is the paper's setting."""
    concurrent: bool | None = None
    """Run both models' decoding steps at once. Default: chosen by device and model size."""
    reasoner_weights: Weights = "trained"
    """The reasoner's weights: `trained` jointly; for ablations `frozen` as loaded, or frozen at
    `random` values."""
    reasoner_reads: Reads = "text"
    """What the reasoner reads: the `text`; for an ablation, only the `position` of each token."""
    reasoner_gate: bool = False
    """Multiply thoughts by a learnable number that is zero at the start, so that training begins
    where SFT begins. The optimizer moves it by about the learning rate a step; λ multiplies it."""


class FlyThinker(Method):
    """A generator and a latent reasoner, one thought per token (arXiv 2512.06690)."""

    name = "flythinker"
    trains = True
    controls = True
    Options: ClassVar[type[Section]] = FlyThinkerOptions
    options: FlyThinkerOptions

    def build(self, backbones: Backbones) -> FlyThinkerLM:
        options = self.options
        make = PositionThinkerLM if options.reasoner_reads == "position" else FlyThinkerLM
        try:
            return make(
                backbones.main,
                prepared(backbones.reasoner, options.reasoner_weights, self.settings.seed),
                lam=options.lam,
                concurrent=options.concurrent,
                lam_warmup=options.lam_warmup,
                vocabulary=ANY,
                gate=options.reasoner_gate,
            )
        except ValueError as error:
            raise UsageError(
                f"backbone {backbones.settings.backbone!r}, reasoner"
                f" {backbones.reasoner_name!r}: {error}"
            ) from error

    def controlled(self, lm: PersonalLM, thoughts: str) -> ReplacedThoughtsLM:
        assert isinstance(lm, FlyThinkerLM)
        return ReplacedThoughtsLM(lm, thoughts)
