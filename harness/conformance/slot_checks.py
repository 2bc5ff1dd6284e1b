"""Check of rows that leave a batch and take each other's places, as in a run."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.conformance.finding import contract, require_same_logprobs
from harness.conformance.world import World
from harness.engine.sampling import Sampler
from harness.engine.slots import Asked, Decoding
from harness.engine.train import to_batch

END = -2
"""Drawn after the last token of a response; `Sampler` draws −1 for logits that are no numbers."""
ORDER = (1, 1, 0, 2, 3, 4)
"""Of the short rows: two read the same and share a prefill, and lengths differ among neighbours."""
AT_ONCE = 3
"""Rows in the model."""


class GivenTokens(Sampler):
    """Draws given responses, then END, and keeps the log-probs of their tokens.

    Args:
        rows: numbers of the rows that it draws for.
        responses: tokens of every row.
        logprobs: of every row; takes one for each token that is drawn.
    """

    def __init__(
        self, rows: Sequence[int], responses: Sequence[Sequence[int]], logprobs: list[list[Tensor]]
    ) -> None:
        super().__init__(rows)
        self.rows, self.responses, self.logprobs = list(rows), responses, logprobs

    def keep(self, rows: Tensor) -> None:
        self.rows = [self.rows[row] for row in rows.tolist()]

    def join(self, other: Sampler) -> None:
        assert isinstance(other, GivenTokens)
        self.rows += other.rows

    def __call__(self, logits: Tensor) -> Tensor:
        scores, tokens = logits.float().log_softmax(-1), list[int]()
        for score, row in zip(scores, self.rows, strict=True):
            rest = self.responses[row][len(self.logprobs[row]) :]
            tokens.append(rest[0] if rest else END)
            if rest:
                self.logprobs[row].append(score[rest[0]])
        return torch.tensor(tokens, device=logits.device)


@contract("lm.keep", "lm.join")
@torch.no_grad()
def rows_that_leave_and_join_keep_their_logprobs(world: World) -> None:
    """Waiting prompts take the places of ended rows, if the model can; else batches follow."""
    batch = to_batch([world.short_rows[index] for index in ORDER])
    computed: list[list[Tensor]] = [[] for _ in ORDER]
    asked = Asked(
        prompts=batch.prompts,
        prefixes=None,
        views=batch.views,
        sampler=lambda rows: GivenTokens(rows, batch.responses, computed),
        most=max(map(len, batch.responses)) + 1,
        ends=frozenset([END]),
        stopped=None,
    )
    Decoding(world.lm, asked, AT_ONCE).run()
    require_same_logprobs(
        [torch.stack(each) for each in computed],
        [world.single_logprobs[index] for index in ORDER],
        ("where rows leave and join", "by logprobs"),
    )
