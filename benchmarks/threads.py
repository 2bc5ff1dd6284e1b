"""A decoding step of FlyThinker, both models at once, one after the other, and one model alone.

    python -m benchmarks.threads [--quick] [--threads 2] [--markdown]

Generator and reasoner have the same size, random weights and the same prompts each time. On
a CPU "at once" means two threads, each with --threads threads of PyTorch inside it; on one GPU,
two streams. FlyThinkerLM(concurrent=None) does what is marked "chosen"; the rule is below the
tables. Times are of one step of a batch, the mean over a text's steps, without prefill.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch

from benchmarks.decoding import begin, equal_tokens, model, options, paired, prompts, report
from flythinker import FlyThinkerLM
from flythinker.model import THREADS_PAY_FROM
from harness.bench.ratios import ratio, timing
from harness.bench.tables import quotient, spread
from harness.engine import CausalLM, PersonalLM
from harness.engine.lean_models import choose_step
from harness.reports.render.table import Column, Table

ONE, SERIAL, AT_ONCE = "one model", "one after the other", "at once"


def main(given: Sequence[str] | None = None) -> None:
    """A table for each size and batch."""
    chosen = options(
        "threads", __doc__, given,
        prompt={"type": int, "default": 256, "help": "tokens of a prompt (default: 256)"},
    )  # fmt: skip
    about, grids = begin(chosen), []
    for size, batch in product(chosen.models, chosen.batch):
        grids.append(measured(size, batch, chosen))
    report(chosen, about, grids, [why(chosen.device)])


def measured(size: str, batch: int, chosen: Any) -> Table:
    """The three ways in paired rounds."""
    where = {"device": chosen.device, "dtype": getattr(torch, chosen.dtype)}
    generator, reasoner = model(size).to(**where), model(size, seed=1).to(**where)
    choose_step([generator, reasoner], "transformers")  # the lean step stacks both models
    rows = prompts(generator, batch, chosen.prompt)
    ways: dict[str, PersonalLM] = {
        ONE: CausalLM(generator),
        SERIAL: FlyThinkerLM(generator, reasoner, concurrent=False),
        AT_ONCE: FlyThinkerLM(generator, reasoner, concurrent=True),
    }
    found = paired(ways, rows, chosen, f"{size} × {batch}")
    seconds = {name: [each for each, _ in rounds] for name, rounds in found.items()}
    free = FlyThinkerLM(generator, reasoner)
    taken = AT_ONCE if free.concurrent else SERIAL
    count = f"2 × {free.smaller / 1e6:,.1f} M parameters"
    return Table(
        f"threads_{size}_{batch}",
        f"{size}, {count}, batch {batch}, prompt {chosen.prompt}",
        (
            Column("models"),
            Column("step", "ms", "number"),
            Column(f"÷ {SERIAL}", kind="number"),
            Column(f"÷ {ONE}", kind="number"),
            Column("same tokens"),
            Column("concurrent=None"),
        ),
        tuple(
            (
                name,
                spread(timing("step", each, seconds[SERIAL]), "step", 1000),
                quotient(ratio(each, seconds[SERIAL])),
                quotient(ratio(each, seconds[ONE])),
                "–" if name == ONE else equal_tokens(found[name][0][1], found[SERIAL][0][1]),
                "chosen" if name == taken else "",
            )
            for name, each in seconds.items()
        ),
    )


def why(device: str) -> str:
    """The rule of FlyThinkerLM(concurrent=None), as applied here."""
    if device != "cpu":
        return "concurrent=None on a GPU: at once, always (two streams, or two devices)."
    return (
        f"concurrent=None on a CPU: at once where the smaller model has {THREADS_PAY_FROM:,}"
        " parameters or more and PyTorch may use more than one thread (now"
        f" {torch.get_num_threads()}); else one after the other, because in a small model"
        " handing a step to another thread takes longer than it saves."
    )


if __name__ == "__main__":
    main()
