"""FlyThinker on one backbone: generator and reasoner are two adapters over the same weights."""

from __future__ import annotations

from typing import ClassVar

from flythinker.model import ANY
from flythinker.options import SharedOptions
from flythinker.replaced_thoughts import ReplacedThoughtsLM
from flythinker.shared_model import SharedThinkerLM
from harness.engine.adapters import has_adapter
from harness.engine.backbone import Backbones
from harness.engine.lm import PersonalLM
from harness.errors import UsageError
from harness.method import Method
from harness.settings import Section


class FlyThinkerShared(Method):
    """FlyThinker with two adapters over one backbone; rank and alpha are `model.lora_…`."""

    name = "flythinker-shared"
    trains = True
    controls = True
    Options: ClassVar[type[Section]] = SharedOptions
    options: SharedOptions

    def build(self, backbones: Backbones) -> SharedThinkerLM:
        model, settings, options = backbones.main, self.settings.model, self.options
        if has_adapter(model):
            raise UsageError(
                f"{self.name}: backbone {settings.backbone!r} is an adapter's folder; expected a"
                " model below two new adapters\n"
                "  mend      --set model.adapter=none merges it into its base"
            )
        if "," in settings.device:
            raise UsageError(
                f"{self.name}: model.device = {settings.device!r}; expected one device, because"
                " generator and reasoner have the same weights"
            )
        return SharedThinkerLM(
            model,
            settings,
            self.settings.seed,
            lam=options.lam,
            lam_warmup=options.lam_warmup,
            gate=options.reasoner_gate,
            train_base=options.train_base,
            recompute=options.recompute_thoughts,
            vocabulary=ANY,
        )

    def controlled(self, lm: PersonalLM, thoughts: str) -> ReplacedThoughtsLM:
        assert isinstance(lm, SharedThinkerLM)
        return ReplacedThoughtsLM(lm, thoughts)
