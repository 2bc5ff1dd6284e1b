"""Training variants of FlyThinker. Each removes one ingredient, to show what it contributes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flythinker.model import FlyThinkerLM
from flythinker.options import Weights
from harness.engine.lm import embedding_matrix


class PositionThinkerLM(FlyThinkerLM):
    """Thoughts that depend on the position and on nothing else.

    The reasoner reads token i mod V at position i, whatever the text. Weights, passes and gradients
    are FlyThinker's.
    """

    def reasoner_ids(self, tokens: Tensor, positions: Tensor) -> Tensor:
        return positions % embedding_matrix(self.reasoner).size(0)


def prepared(reasoner: nn.Module, weights: Weights, seed: int) -> nn.Module:
    """The reasoner with the weights that its variant starts from: trained, frozen or random.

    "random" draws transformers' initial weights from `seed` and freezes them.
    """
    if weights == "trained":
        return reasoner
    if weights == "random":
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            reasoner = type(reasoner)(reasoner.config)
    return reasoner.requires_grad_(False)
