"""One backbone for both models: the weights lie in memory once, below two sets of adapters."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from flythinker.fusion import fuse_column, thoughts
from flythinker.model import FlyState, FlyThinkerLM
from flythinker.options import LAM
from harness.engine.adapters import NAME, adapted_layers, add_adapters
from harness.engine.lean_models import stacked_decoder
from harness.engine.lean_step import LeanDecoder
from harness.engine.lm import embed, embedding_matrix, head
from harness.engine.passes import CacheState, State, extend, stacked_caches
from harness.settings import ModelSettings


class SharedThinkerLM(FlyThinkerLM):
    """FlyThinker on one backbone: generator and reasoner differ in their adapters alone.

    Both are the backbone's modules around the same parameters, so that nothing else of FlyThinker
    changes. A decoding step reads two rows for each text in one batch, the generator's and the
    reasoner's: the backbone's products are shared, and each row adds its own adapter's.

    Args:
        model: a Hugging Face causal LM.
        lora: rank, alpha, targets and dropout of the adapters.
        seed: of the adapters.
        lam: λ, the weight of thoughts.
        lam_warmup: share of the training steps over which λ rises from 0.
        gate: multiply thoughts by a learnable number that is zero at the start.
        train_base: train the backbone too, through both models.
        recompute: compute thoughts again in the backward pass, instead of keeping the activations
            of two passes.
        vocabulary: as in FlyThinkerLM.
    """

    def __init__(
        self,
        model: nn.Module,
        lora: ModelSettings,
        seed: int = 0,
        *,
        lam: float = LAM,
        lam_warmup: float = 0.0,
        gate: bool = False,
        train_base: bool = False,
        recompute: bool = True,
        vocabulary: int | None = None,
    ) -> None:
        super().__init__(
            model, second_view(model), lam, False, lam_warmup, vocabulary=vocabulary, gate=gate
        )
        add_adapters(self, lora.model_copy(update={"adapter": "lora"}), seed)
        if train_base:
            self.requires_grad_(True)
        self.recompute = self.spares_memory = recompute
        self._pairs: dict[tuple[torch.device, torch.dtype], nn.Module] = {}

    def think(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Thoughts [B,T,d]; in training they may be computed twice, to keep fewer activations."""
        if not (self.recompute and self.training and torch.is_grad_enabled()):
            return super().think(tokens, real)
        found: Tensor = checkpoint(super().think, tokens, real, use_reentrant=False)
        return found

    def stacked(self) -> LeanDecoder | None:
        return stacked_decoder([self.generator, self.reasoner])

    def prefill_generator(
        self, tokens: Tensor, real: Tensor, given: Tensor, reasoner: State, scale: Tensor
    ) -> tuple[Tensor, FlyState]:
        """As FlyThinker's, and then one state of the rows of both, also where the lean step does
        not serve."""
        logits, state = super().prefill_generator(tokens, real, given, reasoner, scale)
        both = None if torch.is_grad_enabled() else stacked_caches([state.generator, reasoner])
        if both is not None:
            state.generator = state.reasoner = both
            for part in self._pair().modules():
                if isinstance(part, TwoRowLinear):
                    part.stack()  # training may have changed the adapters
        return logits, state

    def step(self, tokens: Tensor, state: FlyState) -> tuple[Tensor, FlyState]:
        """One pass over 2B rows, the generator's first: the lean step's, or one through
        transformers. Two passes where caches do not stack."""
        both = state.generator
        if both is not state.reasoner or not isinstance(both, CacheState):
            return super().step(tokens, state)
        embeddings = embed(self.generator, tokens.to(self.generator_device)[:, None])
        fused = fuse_column(embeddings, state.thought[:, None], self.thought_weight)
        hidden = extend(self._pair(), torch.cat([fused, embeddings]), both)[:, -1]
        predicting, reasoning = hidden.chunk(2)
        state.thought = thoughts(reasoning, state.scale)
        return head(self.generator, predicting), state

    keep, join = FlyThinkerLM.keep, FlyThinkerLM.join  # beside `step`, whose states are as theirs

    def _pair(self) -> nn.Module:
        """The backbone for rows of both: the first half are the generator's."""
        matrix = embedding_matrix(self.generator)
        key = matrix.device, matrix.dtype
        if key not in self._pairs:
            self._pairs = {
                key: _paired(self.generator, self.reasoner)
            }  # moved: its buffers are old
        return self._pairs[key]


def second_view(model: nn.Module) -> nn.Module:
    """A copy of a model's modules around the same parameters and buffers."""
    kept = {id(part): part for part in (*model.parameters(), *model.buffers())}
    return deepcopy(model, kept)  # a memo: these are not copied


class TwoRowLinear(nn.Module):
    """A linear layer with two adapters: x [2B,t,in] → W x + s · B_i A_i x.

    i is 0 in the first half of the rows and 1 in the second.

    Args:
        layers: peft's layers with the first and the second adapter, above the same W.
    """

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.layers = tuple(layers)  # a tuple: its parameters belong to other models
        self.stack()

    @torch.no_grad()
    def stack(self) -> None:
        """Copy both adapters, in the number type of W: down [2,in,r], up [2,r,out], scaled."""
        kind = self.layers[0].base_layer.weight.dtype
        down = torch.stack([layer.lora_A[NAME].weight.T for layer in self.layers])
        up = torch.stack(
            [layer.lora_B[NAME].weight.T * layer.scaling[NAME] for layer in self.layers]
        )
        self.down, self.up = down.to(kind), up.to(kind)

    def forward(self, x: Tensor) -> Tensor:
        shared: Tensor = self.layers[0].base_layer(x)
        low = torch.bmm(x.reshape(2, -1, x.size(-1)), self.down)
        halves = shared.reshape(2, -1, shared.size(-1))
        return torch.baddbmm(halves, low, self.up).view_as(shared)


def _paired(generator: nn.Module, reasoner: nn.Module) -> nn.Module:
    """A third view of the backbone, whose adapted layers take rows of both models."""
    pair = second_view(generator)
    trees = [list(adapted_layers(model)) for model in (pair, generator, reasoner)]
    for (parent, name, _), (_, _, first), (_, _, second) in zip(*trees, strict=True):
        setattr(parent, name, TwoRowLinear([first, second]))
    return pair.eval()
