"""FlyThinker's arithmetic (arXiv 2512.06690): thoughts and their fusion. Defined only here."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SMALLEST_NORM = 1e-6


@torch.no_grad()
def mean_norm(*embeddings: Tensor) -> Tensor:
    """m: the mean L2 norm of the generator's input embeddings over all ids, a scalar.

    embeddings: [V,D], whole or in blocks of rows: the embedding matrix or, where the embedding
    module scales its rows (Gemma), the scaled rows.
    """
    norms = [
        block.to(torch.promote_types(block.dtype, torch.float32)).norm(dim=-1)
        for block in embeddings
    ]
    return torch.cat(norms).mean()


def thoughts(hidden: Tensor, mean_norm: Tensor) -> Tensor:
    """Reasoner hidden states [...,d] scaled to the norm m of a mean embedding: h · m / ‖h‖.

    No gradient flows through m or ‖h‖. ‖h‖ is clamped below at 1e-6.
    """
    norm: Tensor = hidden.detach().norm(dim=-1, keepdim=True).clamp_min(SMALLEST_NORM)
    return hidden * (mean_norm.detach().to(hidden) / norm)


def fuse_column(embeddings: Tensor, earlier: Tensor, lam: float | Tensor) -> Tensor:
    """e + lam · thought; the thought is added to the first d of D dimensions.

    embeddings [...,D]; earlier [...,d], the thought of the previous token. lam: λ, or the scalar λ
    · gate of a model with a gate. Returns [...,D].
    Raises ValueError where d > D.
    """
    spare = embeddings.size(-1) - earlier.size(-1)
    if spare < 0:
        raise ValueError(
            f"the reasoner is {earlier.size(-1)} wide, {-spare} more than its generator's"
            f" {embeddings.size(-1)}; choose a reasoner no wider"
        )
    return embeddings + lam * F.pad(earlier, (0, spare)).to(embeddings)


def fuse(embeddings: Tensor, thoughts: Tensor, real: Tensor, lam: float | Tensor) -> Tensor:
    """Generator inputs: e(z_i) + lam · thought_{i−1}; the first real token has no thought.

    embeddings [B,T,D]; thoughts [B,T,d], d ≤ D; real [B,T], True at tokens. Returns [B,T,D].
    """
    earlier = F.pad(thoughts[:, :-1], (0, 0, 1, 0))
    known = real & F.pad(real[:, :-1], (1, 0))
    # where, not a product: padding may hold NaN, and 0 × NaN is NaN
    fused = fuse_column(embeddings, earlier, lam)
    return torch.where(known[..., None], fused, embeddings)
