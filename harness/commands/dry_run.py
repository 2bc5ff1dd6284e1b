"""harness run --dry-run: what would run, what it would need, and one full prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.engine.lm import PersonalLM
from harness.plan import Plan
from harness.settings import RunSettings

BYTES = {"weights": 4, "trained": 16}
"""fp32 weights; with gradients and AdamW's two moments."""


def print_plan(
    console: Console, settings: RunSettings, method: str, factory: Any, out: Path
) -> None:
    """Examples, tokens, cuts, parameters and memory of a run, and its first test prompt."""
    plan = Plan(settings, method, out, factory)
    readings = plan.test_readings
    table = Table(
        title=f"{method} on {settings.task}: would run", show_header=False, title_justify="left"
    )
    table.add_column(style="dim")
    table.add_column()
    table.add_row("folder", str(plan.folder))
    table.add_row("data", ", ".join(f"{key} {value}" for key, value in plan.source.items()))
    for name, split in plan.splits.items():
        users = len({example.user_id for example in split.examples})
        table.add_row(
            name, f"{len(split.examples)} examples, {users} users, {split.fingerprint[:12]}"
        )
    lengths = sorted(len(reading.prompt) for reading in readings)
    table.add_row(
        "test prompts",
        f"{sum(lengths):,} tokens; median {lengths[len(lengths) // 2]}, longest {lengths[-1]}",
    )
    cut = [reading.cut for reading in readings if reading.cut]
    table.add_row(
        "cut to budget",
        f"{len(cut)} prompts: {sum(c.entries for c in cut)} entries and"
        f" {sum(c.tokens for c in cut)} tokens dropped",
    )
    if plan.method.trains:
        pairs = plan.splits["train"].pairs()
        rows, shortened = plan.rows(pairs, _reference_targets(plan))
        steps = -(-round(len(rows) * settings.train.epochs) // settings.train.batch_size)
        table.add_row(
            "training",
            f"{steps} steps of {settings.train.batch_size} examples,"
            f" {round(sum(map(len, rows)) * settings.train.epochs):,} tokens;"
            f" {shortened} targets cut",
        )
    lm = plan.method.build(plan.backbones)
    table.add_row("parameters", f"{sum(p.numel() for p in lm.parameters()):,}")
    table.add_row("memory", f"about {_memory_gib(plan, lm):.1f} GiB")
    console.print(table)
    console.print(f"\nThe first test prompt ({readings[0].example.id}):", style="bold")
    console.print(readings[0].text, markup=False, highlight=False)


def _reference_targets(plan: Plan) -> list[Any]:
    from harness.types import Target

    return [Target(pair.example.id, pair.reference.text) for pair in plan.splits["train"].pairs()]


def _memory_gib(plan: Plan, lm: PersonalLM) -> float:
    """Weights (with gradients and moments where trained), a micro-batch's activations, the process.

    Activations: about 34 · width + 5 · heads · length numbers a layer and token (Korthikanti et
    al. 2022, table 2, without dropout masks), for each model; one block of logits.
    """
    settings = plan.settings
    per = BYTES["trained" if plan.method.trains else "weights"]
    need = per * sum(p.numel() for p in lm.parameters())
    models = [part for part in lm.children() if hasattr(part, "config")]
    if plan.method.trains and not settings.train.gradient_checkpointing:
        for model in models:
            config: Any = model.config
            need += 34 * config.hidden_size * config.num_hidden_layers * settings.train.micro_tokens
    from harness.engine.lm import LOGITS_AT_ONCE

    return (need + 3 * 4 * LOGITS_AT_ONCE) / 2**30 + 0.6
