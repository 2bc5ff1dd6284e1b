"""FlyThinker as a method: the same prompt as SFT, both models trained jointly."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flythinker.controls import ControlledLM
from flythinker.model import ANY, FlyThinkerLM
from flythinker.variants import PositionThinkerLM, Reads, Weights, prepared
from harness.engine.backbone import Backbones
from harness.engine.lm import PersonalLM
from harness.errors import UsageError
from harness.method import Method
from harness.settings import Section


class FlyThinkerOptions(Section):
    lam: float = 0.5
    """λ, the weight of a thought beside a token's embedding; 0 is SFT."""
    lam_warmup: float = Field(0.0, ge=0, le=1)
    """Share of the training steps over which λ rises from 0; 0 is the paper's way."""
    concurrent: bool | None = None
    """Run both models' decoding steps at once; without it, chosen by device and size."""
    reasoner_weights: Weights = "trained"
    """The reasoner's: `trained` jointly; as controls `frozen` as it came, or frozen at `random`."""
    reasoner_reads: Reads = "text"
    """What the reasoner reads: the `text`; as a control, only the `position` of each token."""


class FlyThinker(Method):
    """A generator with a latent reasoner beside it, one thought per token (arXiv 2512.06690)."""

    name = "flythinker"
    trains = True
    controls = True
    Options: ClassVar[type[Section]] = FlyThinkerOptions

    def build(self, backbones: Backbones) -> FlyThinkerLM:
        options = self.options
        assert isinstance(options, FlyThinkerOptions)
        make = PositionThinkerLM if options.reasoner_reads == "position" else FlyThinkerLM
        try:
            return make(
                backbones.main,
                prepared(backbones.reasoner, options.reasoner_weights, self.settings.seed),
                lam=options.lam,
                concurrent=options.concurrent,
                lam_warmup=options.lam_warmup,
                vocabulary=ANY,
            )
        except ValueError as error:
            raise UsageError(
                f"backbone {backbones.settings.backbone!r}, reasoner"
                f" {backbones.reasoner_name!r}: {error}"
            ) from error

    def controlled(self, lm: PersonalLM, thoughts: str) -> ControlledLM:
        assert isinstance(lm, FlyThinkerLM)
        return ControlledLM(lm, thoughts)
