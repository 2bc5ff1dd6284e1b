"""SFT: the backbone fine-tuned with RAG's prompt and the reference as target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from harness.errors import UsageError
from harness.method import Method
from harness.registry import find
from harness.settings import Section

if TYPE_CHECKING:
    from harness.engine.backbone import Backbones
    from harness.engine.lm import PersonalLM
    from harness.engine.micro_batches import TrainRow
    from harness.settings import RunSettings


class SftOptions(Section):
    flops_of: str | None = None
    """For an ablation: train with as many FLOPs as this method, with its default options, uses in
    `train.epochs`, by more passes over the same examples. A method of a file needs --plugin."""


class Sft(Method):
    """Trains all weights on −log p(reference | prompt)."""

    name = "sft"
    trains = True
    Options: ClassVar[type[Section]] = SftOptions
    options: SftOptions

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        if self.options.flops_of is not None:
            find("method", self.options.flops_of)  # an unknown name stops the run here

    def build(self, backbones: Backbones) -> PersonalLM:
        lm = super().build(backbones)
        if self.options.flops_of:
            from harness.engine.flops import missing

            if (why := missing(lm)) is not None:
                raise UsageError(
                    f"method.flops_of={self.options.flops_of}: the FLOPs of backbone"
                    f" {self.settings.model.backbone!r} cannot be estimated: {why}\n"
                    "  mend      leave method.flops_of out, and choose train.epochs by time"
                )
        return lm

    def epochs(self, lm: PersonalLM, rows: Sequence[TrainRow]) -> float:
        epochs = super().epochs(lm, rows)
        if self.options.flops_of is None:
            return epochs
        from harness.engine.adapters import add_adapters
        from harness.engine.backbone import Backbones
        from harness.engine.flops import training_flops

        settings = self.settings.model_copy(update={"method": {}})
        other = find("method", self.options.flops_of)(settings).build(Backbones(settings.model))
        add_adapters(other, settings.model, settings.seed)
        return epochs * training_flops(other, rows) / training_flops(lm, rows)
