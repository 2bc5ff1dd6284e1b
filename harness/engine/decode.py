"""Writing: prefill once, then step until every row has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from harness.engine.batch import Rows
from harness.engine.lm import PersonalLM
from harness.engine.timing import DecodeClock, now


class Sampler:
    """Draws one token a row. Each row has its own stream, so that its neighbours change no draw."""

    def __init__(
        self, temperature: float, top_p: float, seeds: Sequence[int] | None, rows: int
    ) -> None:
        if not temperature >= 0 or not 0 < top_p <= 1:
            raise ValueError(
                f"temperature {temperature}, top_p {top_p}; expected temperature ≥ 0, 0 < top_p ≤ 1"
            )
        if seeds is not None and len(seeds) != rows:
            raise ValueError(f"{len(seeds)} seeds for {rows} prompts; expected one each")
        self.temperature, self.top_p = temperature, top_p
        streams = range(rows) if seeds is None else seeds
        self.streams = [np.random.default_rng(seed) for seed in streams]

    def __call__(self, logits: Tensor) -> Tensor:
        """logits [B,V] → tokens [B]. Top-p keeps the smallest set reaching p (Holtzman 2020)."""
        if self.temperature == 0:
            return logits.argmax(-1)
        ranked, ids = (logits.float() / self.temperature).sort(dim=-1, descending=True, stable=True)
        heaps = ranked.softmax(-1).cumsum(-1)
        kept = torch.cat([heaps.new_zeros(len(heaps), 1), heaps[:, :-1]], -1) < self.top_p
        mass = torch.where(kept, heaps, heaps.new_zeros(())).amax(-1)
        draws = torch.tensor([stream.random() for stream in self.streams]).to(heaps)
        place = (heaps <= (draws * mass)[:, None]).sum(-1).clamp_max(kept.sum(-1) - 1)
        return ids.gather(-1, place[:, None])[:, 0]


@torch.inference_mode()
def generate(
    lm: PersonalLM,
    prompts: Rows,
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    eos_id: int | None = None,
    seeds: Sequence[int] | None = None,
    prefixes: Rows | None = None,
    views: Mapping[str, Rows] | None = None,
    clock: DecodeClock | None = None,
) -> list[list[int]]:
    """Token ids written after each prompt, without the end token.

    `eos_id=None` never stops early, whatever the model's generation_config says. `prefixes` are
    tokens already written; `views` further prompt rows for models that read several. A row's
    text does not depend on its neighbours' draws. Raises ValueError for an empty prompt.
    """
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise ValueError(f"prompt {index} has no token; expected at least one")
    draw = Sampler(temperature, top_p, seeds, rows=len(prompts))
    written: list[list[int]] = [[] for _ in prompts]
    if max_new_tokens < 1 or not prompts:
        return written
    lm.eval()
    begin = now()
    more = {"views": views} if views else {}
    logits, state = lm.prefill(prompts, prefixes, **more)
    tokens = draw(logits)
    first, steps = now() - begin, 0
    open_rows = list(range(len(prompts)))
    while True:
        ids = tokens.tolist()  # the one wait for the device in a step
        open_rows = [row for row in open_rows if ids[row] != eos_id]
        for row in open_rows:
            written[row].append(ids[row])
        if not open_rows or len(written[open_rows[0]]) == max_new_tokens:
            break
        logits, state = lm.step(tokens, state)
        tokens = draw(logits)
        steps += 1
    if clock is not None:
        clock.add(first, now() - begin - first, steps, sum(map(len, written)))
    return written
