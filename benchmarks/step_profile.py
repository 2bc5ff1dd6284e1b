"""Where a decoding step of sft and of FlyThinker goes, by PyTorch's profiler.

    python -m benchmarks.step_profile [--models mini,smollm2] [--batch 1,16] [--threads 1]

Shares of the profiled time of 64 steps. The profiler itself makes small kernels and Python slower,
so their shares are upper limits.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.decoding import Rows, begin, model, options, prompts, report
from flythinker import FlyThinkerLM
from harness.engine import CausalLM, PersonalLM
from harness.engine.clock import now
from harness.engine.lean_models import choose_step
from harness.reports.render.table import Column, Table

STEPS = 64
PRODUCTS = ("mm", "bmm", "baddbmm", "addmm", "linear", "matmul", "_mkl_linear")
ATTENTION = ("_scaled_dot_product", "scaled_dot_product", "_softmax", "softmax")
PARTS = ("products", "attention", "other kernels", "Python")


@torch.inference_mode()
def shares(lm: PersonalLM, rows: Rows) -> Mapping[str, float]:
    """Part → share of the time of `STEPS` greedy steps, in %."""
    logits, state = lm.prefill(rows)
    for _ in range(4):
        logits, state = lm.step(logits.argmax(-1), state)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        begun = now()
        for _ in range(STEPS):
            logits, state = lm.step(logits.argmax(-1), state)
        whole = now() - begun
    seconds = dict.fromkeys(PARTS, 0.0)
    for each in found.key_averages():
        name = each.key.removeprefix("aten::")
        part = "products" if name in PRODUCTS else "other kernels"
        part = "attention" if name.startswith(ATTENTION) else part
        seconds[part] += each.self_cpu_time_total / 1e6
    seconds["Python"] = max(whole - sum(seconds.values()), 0.0)
    return {part: 100 * each / whole for part, each in seconds.items()}


def main(given: list[str] | None = None) -> None:
    """A row for each model, batch and method."""
    chosen: Any = options(
        "step_profile", __doc__, given,
        prompt={"type": int, "default": 256, "help": "tokens of a prompt (default: 256)"},
    )  # fmt: skip
    about, rows = begin(chosen), []
    for size in chosen.models:
        for batch in chosen.batch:
            pair = model(size), model(size, 1)
            choose_step(list(pair), "lean")
            given_rows = prompts(pair[0], batch, chosen.prompt)
            for name, lm in (("flythinker", FlyThinkerLM(*pair)), ("sft", CausalLM(pair[0]))):
                found = shares(lm, given_rows)
                rows.append((size, batch, name, *found.values()))
    columns = (
        Column("model"), Column("batch", kind="number", digits=0), Column("method"),
        *(Column(part, "%", "number", 0) for part in PARTS),
    )  # fmt: skip
    title = "Where a decoding step goes"
    report(chosen, about, [Table("profile", title, columns, tuple(rows))], [])


if __name__ == "__main__":
    main(sys.argv[1:])
