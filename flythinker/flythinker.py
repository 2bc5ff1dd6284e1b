"""FlyThinker as a method: the same prompt as SFT, both models trained jointly."""

from __future__ import annotations

from typing import ClassVar

from flythinker.model import ANY, FlyThinkerLM
from flythinker.options import FlyThinkerOptions
from flythinker.replaced_thoughts import ReplacedThoughtsLM
from flythinker.variants import PositionThinkerLM, prepared
from harness.engine.backbone import Backbones
from harness.engine.lm import PersonalLM
from harness.errors import UsageError
from harness.method import Method
from harness.settings import Section


class FlyThinker(Method):
    """A generator and a latent reasoner, one thought per token (arXiv 2512.06690)."""

    name = "flythinker"
    trains = True
    controls = True
    has_reasoner = True
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
