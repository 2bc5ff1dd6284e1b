"""Decoding: prefill, then step until every row has ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from harness.engine.batch import Batch, Rows, Views, pad
from harness.engine.clock import DecodeClock, now
from harness.engine.lm import PersonalLM, joined
from harness.engine.sampling import Sampler
from harness.engine.slots import Asked, Decoding
from harness.engine.token_bound import rows_within_bound
from harness.errors import HarnessError


class NotANumberError(HarnessError, ArithmeticError):
    """Logits that are not finite during decoding.

    tokens_before: failed row → new tokens before the failure. texts: new tokens of every row, none
    for failed rows. by_row: failed row → message.
    """

    def __init__(self, tokens_before: Mapping[int, int], texts: list[list[int]]) -> None:
        self.tokens_before, self.texts = dict(tokens_before), texts
        self.by_row = {
            row: f"logits after {count} new tokens are not finite; expected numbers. Use --set"
            " model.dtype=float32, a lower train.lr, or other weights"
            for row, count in tokens_before.items()
        }
        row, message = next(iter(self.by_row.items()))
        super().__init__(f"row {row} of {len(texts)}: {message}")


@torch.inference_mode()
def generate(
    lm: PersonalLM,
    prompts: Rows,
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    top_k: int | None = None,
    repetition_penalty: float = 1.0,
    eos_id: int | Collection[int] | None = None,
    stopped: Callable[[Sequence[int]], bool] | None = None,
    seeds: Sequence[int] | None = None,
    prefixes: Rows | None = None,
    views: Views | None = None,
    clock: DecodeClock | None = None,
    rows_at_once: int | None = None,
) -> list[list[int]]:
    """New token ids for each prompt, without the end token.

    A row's text does not depend on its neighbours' draws.

    Args:
        lm: the model.
        prompts: token ids, a row each.
        max_new_tokens: most new tokens in a row.
        temperature, top_p, top_k, repetition_penalty: see `Sampler`.
        seeds: of each row's draws; by default the number of the row.
        eos_id: the id or ids that end a row. None never stops early, whatever generation_config
            says.
        stopped: returns whether the new tokens of a row end it; they all stay in the row.
        prefixes: tokens that already follow each prompt.
        views: further prompts by name, for models that read several.
        clock: receives the times of these rows.
        rows_at_once: most rows in the model; by default all. Fewer where a run bounds their tokens
            (harness.engine.token_bound). Waiting prompts take the places of rows that have ended
            if `lm` can (`keep`, `join`), else one batch follows another.

    Raises ValueError for an empty prompt, and for seeds of another number of rows. Raises
    NotANumberError if a row's logits are not finite, after all other rows have ended.
    """
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise ValueError(f"prompt {index} has no token; expected at least one")
    row_seeds = range(len(prompts)) if seeds is None else seeds
    if len(row_seeds) != len(prompts):
        raise ValueError(f"{len(row_seeds)} seeds for {len(prompts)} prompts; expected one each")

    def sampler(rows: Sequence[int]) -> Sampler:
        draw = Sampler(
            [row_seeds[row] for row in rows], temperature, top_p, top_k, repetition_penalty
        )
        for given in (prompts, prefixes):
            if given is not None:
                draw.penalise([given[row] for row in rows])
        return draw

    if max_new_tokens < 1 or not prompts:
        sampler([])  # refuses wrong options
        return [[] for _ in prompts]
    ends = frozenset([eos_id] if isinstance(eos_id, int) else eos_id or ())
    asked = Asked(prompts, prefixes, views or {}, sampler, max_new_tokens, ends, stopped)
    lm.eval()
    longest = max(map(len, joined(prompts, prefixes))) + max_new_tokens
    at_once = rows_within_bound(longest, rows_at_once or len(prompts))
    begin, decoding = now(), Decoding(lm, asked, at_once)
    decoding.run()
    texts, failed = decoding.texts, decoding.failed
    if clock is not None:
        clock.add(decoding.first_s, now() - begin, decoding.steps, sum(map(len, texts)))
    if failed:
        raise NotANumberError(
            failed, [[] if row in failed else ids for row, ids in enumerate(texts)]
        )
    return texts


def logprobs_in_steps(
    lm: PersonalLM, batch: Batch, prefixes: Sequence[int] | None = None
) -> list[Tensor]:
    """Log p of each response by prefill and step, on the CPU; equal to those of `lm.logprobs`.

    prefixes: how many tokens of each response the prefill reads, which get no log p; by default 0.
    """
    # 1. Prefill the prompts, with the first tokens of each response as its prefix
    cuts = prefixes or [0] * len(batch.responses)
    given, rest = (
        [row[part] for row, part in zip(batch.responses, parts, strict=True)]
        for parts in ([slice(cut) for cut in cuts], [slice(cut, None) for cut in cuts])
    )
    views = {"views": batch.views} if batch.views else {}
    logits, state = lm.prefill(batch.prompts, given if any(cuts) else None, **views)
    # 2. Feed the other tokens one at a time; rows that have ended get padding
    tokens, real = pad(rest, "right", batch.pad_id)
    columns = [logits]
    for column in tokens[:, :-1].T:
        logits, state = lm.step(column.to(logits.device), state)
        columns.append(logits)
    # 3. Log p of the tokens
    scores = torch.stack(columns, dim=1).float().log_softmax(-1).cpu()  # [B,R,V]
    logprobs = scores.gather(-1, tokens[..., None])[..., 0]
    return [row[here] for row, here in zip(logprobs, real, strict=True)]
