"""A planted method: FlyThinker with thoughts that are noise."""

from __future__ import annotations

from torch import Tensor

from flythinker.flythinker import FlyThinker
from flythinker.model import FlyThinkerLM
from flythinker.variants import prepared
from harness.engine.backbone import Backbones
from harness.engine.lm import embedding_matrix


class NoiseLM(FlyThinkerLM):
    """A frozen random reasoner reads ids that are scrambled differently at every position."""

    def reasoner_ids(self, tokens: Tensor, positions: Tensor) -> Tensor:
        mixed = (tokens * 7919 + positions * 104_729) * 31_337 + positions**2
        return mixed % embedding_matrix(self.reasoner).size(0)


class Noise(FlyThinker):
    """Its thoughts say nothing of the user."""

    name = "planted-noise"

    def build(self, backbones: Backbones) -> NoiseLM:
        reasoner = prepared(backbones.reasoner, "random", self.settings.seed)
        return NoiseLM(backbones.main, reasoner, lam=self.options.lam)
