"""Training variants of FlyThinker: each takes one thing away, to show what it is good for."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from flythinker.model import FlyThinkerLM
from harness.engine.lm import embedding_matrix

Weights = Literal["trained", "frozen", "random"]
Reads = Literal["text", "position"]


class PositionThinkerLM(FlyThinkerLM):
    """Thoughts that know where they are and nothing else.

    The reasoner reads token i mod V at position i, whatever is written there, so that its thought
    is a function of the position: as many weights, passes and gradients as FlyThinker, no text.
    """

    def heard(self, tokens: Tensor, places: Tensor) -> Tensor:
        return places % embedding_matrix(self.reasoner).size(0)


def prepared(reasoner: nn.Module, weights: Weights, seed: int) -> nn.Module:
    """The reasoner as its variant starts: to be trained, or frozen – as it is, or at random.

    Random weights are drawn as transformers would draw them to train anew, from `seed`.
    """
    if weights == "trained":
        return reasoner
    if weights == "random":
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            reasoner = type(reasoner)(reasoner.config)
    return reasoner.requires_grad_(False)
