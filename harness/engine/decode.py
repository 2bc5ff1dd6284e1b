"""Writing: prefill once, then step until every row has ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import torch

from harness.engine.batch import Rows
from harness.engine.lm import PersonalLM
from harness.engine.sampling import NO_TOKEN, Sampler
from harness.engine.timing import DecodeClock, now
from harness.errors import HarnessError


class NotANumberError(HarnessError, ArithmeticError):
    """Logits that are no numbers while writing.

    places: row → tokens that it had written by then. texts: tokens of every row, none for these.
    """

    def __init__(self, places: Mapping[int, int], texts: list[list[int]]) -> None:
        self.places, self.texts = dict(places), texts
        self.by_row = {
            row: f"logits after {place} new tokens are no numbers; expected finite ones. Use --set"
            " model.dtype=float32, a lower train.lr, or other weights"
            for row, place in places.items()
        }
        row, told = next(iter(self.by_row.items()))
        super().__init__(f"row {row} of {len(texts)}: {told}")


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
    views: Mapping[str, Rows] | None = None,
    clock: DecodeClock | None = None,
) -> list[list[int]]:
    """Token ids written after each prompt, without the end token.

    temperature, top_p, top_k, repetition_penalty, seeds: see `Sampler`.
    eos_id: the id or ids that end a row. None never stops early, whatever generation_config says.
    stopped: whether the tokens written so far end a row; the last of them stay in it.
    prefixes: tokens already written, a row each. views: further prompt rows for models that read
    several. A row's text does not depend on its neighbours' draws. Raises ValueError for an empty
    prompt, NotANumberError once all other rows have ended where a row's logits are no numbers.
    """
    for index, prompt in enumerate(prompts):
        if not prompt:
            raise ValueError(f"prompt {index} has no token; expected at least one")
    draw = Sampler(temperature, top_p, seeds, len(prompts), top_k, repetition_penalty)
    written: list[list[int]] = [[] for _ in prompts]
    if max_new_tokens < 1 or not prompts:
        return written
    for rows in (prompts, prefixes or ()):
        draw.reads(rows or [[] for _ in prompts])
    ends = frozenset([eos_id] if isinstance(eos_id, int) else eos_id or ())
    lm.eval()
    begin, failed = now(), dict[int, int]()
    more = {"views": views} if views else {}
    logits, state = lm.prefill(prompts, prefixes, **more)
    tokens = draw(logits)
    first, steps = now() - begin, 0
    open_rows = list(range(len(prompts)))
    while True:
        ids = tokens.tolist()  # the one wait for the device in a step
        failed |= {row: len(written[row]) for row in open_rows if ids[row] == NO_TOKEN}
        open_rows = [row for row in open_rows if ids[row] not in ends and ids[row] != NO_TOKEN]
        for row in open_rows:
            written[row].append(ids[row])
        if stopped is not None:
            open_rows = [row for row in open_rows if not stopped(written[row])]
        if not open_rows or len(written[open_rows[0]]) == max_new_tokens:
            break
        logits, state = lm.step(tokens.clamp_min(0), state)
        tokens = draw(logits)
        steps += 1
    if clock is not None:
        clock.add(first, now() - begin - first, steps, sum(map(len, written)))
    if failed:
        raise NotANumberError(
            failed, [[] if row in failed else ids for row, ids in enumerate(written)]
        )
    return written
