"""What a model shows of its latent thoughts, for `harness inspect`."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.engine.batch import Batch
from harness.engine.kv_cache import growing_cache
from harness.engine.lm import embedding_matrix, head
from harness.engine.passes import CacheState, extend_cache

NEAREST = 5
"""Vocabulary tokens that describe a thought."""


@dataclass(frozen=True)
class Thoughts:
    """The latent thoughts of a batch: B rows, each with N thoughts and R response tokens.

    vectors: [B,N,d], in order; 0 where a row has fewer.
    position: [B,N], the response token that is predicted next after the thought is read; −1 where
        there is no thought.
    nearest: [B,N,k] ids, see `nearest_tokens`.
    kl: [B,N] nats, KL(p ‖ q) of that token: p with the thought, q with zero in its place alone.
    text_kl: [B,R] nats, the same for each response token: q without its own thought or, where
        thoughts precede the text, without all of them. 0 at padding.
    states: [B,P,d], what the model that thinks makes of each token of the prompt, in the space of
        the thoughts, right padded.
    """

    vectors: Tensor
    position: Tensor
    nearest: Tensor
    kl: Tensor
    text_kl: Tensor
    states: Tensor

    def fault(self, batch: Batch) -> str | None:
        """What is wrong with the shapes; None if they fit each other and the batch."""
        rows, many = self.position.shape
        width, longest = self.vectors.size(-1), max(map(len, batch.prompts))
        expected = {
            "vectors": (len(batch.prompts), many, width),
            "nearest": (rows, many, self.nearest.size(-1)),
            "kl": (rows, many),
            "text_kl": tuple(batch.response_mask.shape),
            "states": (rows, longest, width),
        }
        for name, shape in expected.items():
            if (found := tuple(getattr(self, name).shape)) != shape:
                return f"Thoughts with {name} of shape {shape}, not {found}"
        return None


def nearest_tokens(model: nn.Module, vectors: Tensor) -> Tensor:
    """Ids [...,NEAREST] of the tokens with the highest logits when `model`'s head reads `vectors`.

    vectors [...,d]: a narrower thought fills the first d dimensions, as it does in the embeddings.
    """
    spare = embedding_matrix(model).size(1) - vectors.size(-1)
    return head(model, F.pad(vectors, (0, spare))).topk(NEAREST, dim=-1).indices


def divergence(logits: Tensor, other: Tensor) -> Tensor:
    """KL(p ‖ q) in nats [...], of the distributions of two logits [...,V]; never below 0."""
    p, q = logits.float().log_softmax(-1), other.float().log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).clamp_min(0)  # rounding can give −1e-7


def divergence_by_column(
    model: nn.Module, inputs: Tensor, changed: Tensor, columns: Tensor
) -> Tensor:
    """How far each input moves the token after it: KL(p ‖ q) in nats [R].

    model: a causal LM.
    inputs: [T,D], what it reads.
    changed: [T,D], what q reads in a column of its own, and there alone.
    columns: [R], rising columns of `inputs`.
    """
    device = inputs.device
    nothing = torch.zeros(1, 0, dtype=torch.bool, device=device)
    state = CacheState(growing_cache(model), nothing, nothing.sum(-1))
    read, found = 0, []
    for column in columns.tolist():
        if column > read:
            extend_cache(model, inputs[None, read:column], state)
        other = extend_cache(model, changed[None, column : column + 1], deepcopy(state))
        own = extend_cache(model, inputs[None, column : column + 1], state)
        found.append(divergence(head(model, own[0, -1]), head(model, other[0, -1])))
        read = column + 1
    return torch.stack(found) if found else inputs.new_zeros(0)
