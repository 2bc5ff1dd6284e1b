"""The thoughts of a FlyThinkerLM over given texts, and how far each moves the next token."""

from __future__ import annotations

import torch

from flythinker.fusion import fuse
from flythinker.model import FlyThinkerLM
from harness.engine.batch import Batch, positions
from harness.engine.lm import embed, gather_columns
from harness.engine.thoughts import Thoughts, divergence_by_column, nearest_tokens


@torch.no_grad()
def shown_thoughts(lm: FlyThinkerLM, batch: Batch) -> Thoughts:
    """The last thought that the generator has read where it predicts each response token.

    It is fused with the token before; a prompt of one token has none for the first one.
    """
    batch = batch.to(lm.generator_device)
    seq, mask = batch.sequences(), batch.response_mask
    own = lm.think(seq.tokens, seq.real)
    # 1. The thought of the token before the one that it is fused with
    has_one = mask & (positions(seq.real).gather(1, seq.before) > 0)
    given = gather_columns(own, (seq.before - 1).clamp_min(0))
    given = torch.where(has_one[..., None], given, 0.0)  # padding may hold NaN
    # 2. How far it moves the prediction
    embeddings = embed(lm.generator, seq.tokens)
    fused = fuse(embeddings, own, seq.real, lm.thought_weight)
    moved = torch.zeros(mask.shape, device=mask.device)
    for row, before in enumerate(seq.before):
        real = seq.real[row]
        columns = before[mask[row]] - real.long().argmax()
        inputs, bare = fused[row][real], embeddings[row][real]
        moved[row, mask[row]] = divergence_by_column(lm.generator, inputs, bare, columns)
    # 3. The thoughts of the prompt's tokens
    lengths = torch.tensor([len(row) for row in batch.prompts], device=mask.device)
    steps = torch.arange(int(lengths.max()), device=mask.device)
    first = seq.real.long().argmax(-1, keepdim=True)
    inside = torch.minimum(steps, lengths[:, None] - 1)
    return Thoughts(
        vectors=given,
        position=torch.where(has_one, torch.arange(mask.size(1), device=mask.device), -1),
        nearest=nearest_tokens(lm.generator, given),
        kl=moved,
        text_kl=moved,
        states=gather_columns(own, first + inside),
    )
