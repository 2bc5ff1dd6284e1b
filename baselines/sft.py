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
            self._other()  # an unknown name stops the run here

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

    @property
    def own_passes(self) -> bool:
        return self.options.flops_of is not None

    def epochs(self, lm: PersonalLM, rows: Sequence[TrainRow]) -> float:
        epochs = super().epochs(lm, rows)
        if self.options.flops_of is None:
            return epochs
        from harness.engine.adapters import add_adapters
        from harness.engine.backbone import Backbones
        from harness.engine.flops import training_flops

        method = self._other()
        other = method.build(Backbones(method.settings.model))
        add_adapters(other, method.settings.model, method.settings.seed)
        its_rows: Sequence[TrainRow] = rows
        if type(method).prompt is not Method.prompt:
            assert self.rows_of is not None
            its_rows = self.rows_of(method)
        return epochs * training_flops(other, its_rows) / training_flops(lm, rows)

    def _other(self) -> Method:
        """The method of `flops_of`. Raises UsageError if its FLOPs are not known before a run."""
        name = self.options.flops_of
        assert name is not None
        made: Method = find("method", name)(self.settings.model_copy(update={"method": {}}))
        why = None
        if not made.trains:
            why = "it is not trained"
        elif made.longest_preface(training=True) or type(made).prepare is not Method.prepare:
            why = "its training rows hold text that a model generates first"
        if why:
            raise UsageError(
                f"method.flops_of={name}: {why}; expected a method whose FLOPs follow from the"
                " data\n  mend      set train.epochs; FLOPs are in the records of both"
            )
        return made
