"""A decoding step against transformers' `generate`, for one model and for FlyThinker's two.

    python -m benchmarks.steps [--models mini] [--batch 1,16] [--prompt 256] [--rounds 40]

Every way writes the same number of greedy tokens after the same random prompts of one length, in
paired rounds. A step is the time between the first new token and the last, over the steps between;
prefill is left out, in transformers' `generate` by a stopping criterion that reads the clock.
Quotients are medians over rounds, so that short rounds on a shared machine can be used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from statistics import median, quantiles
from typing import Any

import torch
from torch import Tensor, nn
from transformers import StoppingCriteria

from benchmarks.decoding import Rows, begin, decode, equal_tokens, model, options, prompts, report
from flythinker import FlyThinkerLM
from harness.bench.measure import rounds
from harness.bench.ratios import timing
from harness.bench.tables import counted, spread
from harness.engine import CausalLM
from harness.engine.clock import now
from harness.engine.lean_models import choose_step, step_taken
from harness.progress import Bars
from harness.reports.render.table import Cell, Column, Table, Value

TITLE = "A decoding step: transformers' generate, one model here (sft), and FlyThinker"
THEIRS, CACHED, LEAN, SERIAL, STACKED = (
    "transformers' generate", "sft, transformers' step", "sft, lean step",
    "flythinker, transformers' step", "flythinker, lean step",
)  # fmt: skip
QUOTIENTS = (
    ("generate ÷ sft", THEIRS, LEAN),
    ("flythinker ÷ generate", STACKED, THEIRS),
    ("flythinker ÷ sft", STACKED, LEAN),
    ("transformers' step ÷ lean, sft", CACHED, LEAN),
    ("transformers' step ÷ lean, flythinker", SERIAL, STACKED),
)


class Ticks(StoppingCriteria):
    """Stops nothing; notes when each new token was there."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, ids: Tensor, scores: Any, **more: Any) -> Tensor:
        self.times.append(now())
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)


@torch.inference_mode()
def theirs(lm: Any, rows: Rows, tokens: int) -> tuple[float, Rows]:
    """Seconds of one step of transformers' `generate`; the tokens."""
    ticks, ids = Ticks(), torch.tensor(rows, device=lm.device)
    written = lm.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
        eos_token_id=None, pad_token_id=0, stopping_criteria=[ticks],
    )  # fmt: skip
    seconds = (ticks.times[-1] - ticks.times[0]) / (tokens - 1)
    return seconds, written[:, ids.size(1) :].tolist()


def main(given: Sequence[str] | None = None) -> None:
    """A row for each size and batch in two tables: times, and quotients."""
    chosen = options(
        "steps", __doc__, given,
        prompt={"type": int, "default": 256, "help": "tokens of a prompt (default: 256)"},
    )  # fmt: skip
    about = begin(chosen)
    cases = [measured(*case, chosen) for case in product(chosen.models, chosen.batch)]
    times = (Column("model"), counted("batch"), *(Column(name, "ms", "number") for name in WAYS))
    quotients = (
        Column("model"), counted("batch"),
        *(Column(name, kind="number") for name, _, _ in QUOTIENTS), Column("same tokens"),
    )  # fmt: skip
    tables = [
        Table("steps", TITLE, times, tuple(first for first, _ in cases)),
        Table("quotients", "Quotients: median and quartiles of paired rounds", quotients,
              tuple(second for _, second in cases)),
    ]  # fmt: skip
    report(chosen, about, tables, [])


WAYS = (THEIRS, CACHED, LEAN, SERIAL, STACKED)


def measured(size: str, batch: int, chosen: Any) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """A row of times and one of quotients. Each way has models of its own, with equal weights."""
    where = {"device": chosen.device, "dtype": getattr(torch, chosen.dtype)}

    def made(step: Any, seed: int = 0) -> nn.Module:
        found = model(size, seed).to(**where)
        choose_step([found], step)
        return found

    own = made("transformers")
    rows = prompts(own, batch, chosen.prompt)
    lean, pair = made("lean"), (made("lean"), made("lean", 1))
    work: Mapping[str, Callable[[], tuple[float, Rows]]] = {
        THEIRS: partial(theirs, own, rows, chosen.tokens),
        CACHED: partial(decode, CausalLM(own), rows, chosen.tokens),
        LEAN: partial(decode, CausalLM(lean), rows, chosen.tokens),
        SERIAL: partial(
            decode, FlyThinkerLM(own, made("transformers", 1), concurrent=False), rows,
            chosen.tokens,
        ),
        STACKED: partial(decode, FlyThinkerLM(*pair), rows, chosen.tokens),
    }  # fmt: skip
    with Bars() as bars:
        found = rounds(work, chosen.rounds, 1, bars.track(f"{size} × {batch}"))
    assert (step_taken([lean]), step_taken(pair)) == ("lean", "lean, stacked")
    seconds = {name: [each for each, _ in those] for name, those in found.items()}
    texts = {name: those[0][1] for name, those in found.items()}
    same = [(LEAN, THEIRS), (CACHED, THEIRS), (STACKED, SERIAL)]
    return (
        (size, batch, *(spread(timing("step", seconds[way], seconds[THEIRS]), "step", 1000)
                        for way in WAYS)),
        (size, batch, *(_quotient(seconds[a], seconds[b]) for _, a, b in QUOTIENTS),
         ", ".join(equal_tokens(texts[a], texts[b]) for a, b in same)),
    )  # fmt: skip


def _quotient(some: Sequence[float], others: Sequence[float]) -> Cell:
    """Median of the paired quotients, with quartiles."""
    pairs = [left / right for left, right in zip(some, others, strict=True)]
    low, _, high = quantiles(pairs, n=4) if len(pairs) > 1 else (pairs[0],) * 3
    return Cell(median(pairs), low, high, digits=2)


if __name__ == "__main__":
    main()
