"""A planted method: a larger generator, with thoughts that nothing reads."""

from __future__ import annotations

from harness.engine.backbone import Backbones
from harness.engine.lm import CausalLM, PersonalLM
from harness.method import Method

GENERATOR = "mini-half"


class Larger(Method):
    """Its gain over sft is its larger generator's: its thoughts are dead."""

    name = "planted-larger"
    trains = True
    controls = True

    def build(self, backbones: Backbones) -> CausalLM:
        larger = backbones.settings.model_copy(update={"backbone": GENERATOR})
        return CausalLM(Backbones(larger).main)

    def controlled(self, lm: PersonalLM, thoughts: str) -> PersonalLM:
        return lm
