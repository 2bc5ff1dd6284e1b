"""SFT: the backbone fine-tuned on the same prompt that RAG reads, with the reference as target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.method import BaseMethod
from harness.registry import find
from harness.settings import Section

if TYPE_CHECKING:
    from harness.engine.lm import PersonalLM
    from harness.engine.train import TrainRow


class SftOptions(Section):
    flops_of: Literal["flythinker"] | None = None
    """As a control: train for as many FLOPs as this method would in `train.epochs`, by more passes
    over the same examples."""


class Sft(BaseMethod):
    """All weights are trained on −log p(reference | prompt)."""

    name = "sft"
    trains = True
    Options: ClassVar[type[Section]] = SftOptions

    def epochs(self, lm: PersonalLM, rows: Sequence[TrainRow]) -> float:
        assert isinstance(self.options, SftOptions)
        wanted = super().epochs(lm, rows)
        if self.options.flops_of is None:
            return wanted
        from harness.engine.backbone import Backbones
        from harness.engine.flops import training_flops

        settings = self.settings.model_copy(update={"method": {}})
        other = find("method", self.options.flops_of)(settings).build(Backbones(settings.model))
        return wanted * training_flops(other, rows) / training_flops(lm, rows)
