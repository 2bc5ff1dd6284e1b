"""`harness plan` held against what was measured, and the tables of docs/plan.md.

    python -m benchmarks.plan            # writes benchmarks/figures/plan.json
    python -m benchmarks.plan --docs     # prints the tables of planned and measured, and of cards

Planned from shapes alone: optimizer steps, peaks and decoding steps with CUDA graphs on an H200,
transformers' decoding steps on an H100 (benchmarks/figures/gpu_*.json). Planned from the speed of
sft: training of the other methods in the published runs, and their peak memory. Nothing is run
here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.pipeline.estimate import measured_rates, phase_seconds
from harness.planning.costs import run_cost
from harness.planning.devices import device_named
from harness.planning.memory import CPU, GPU, Rows, peak_bytes
from harness.planning.rates import decoding_step, row_seconds, row_tokens
from harness.planning.shapes import shapes_of
from harness.record import Record, read_record
from harness.settings import RunSettings, build_settings, validate
from harness.settings.merged import load_preset

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "benchmarks" / "figures"
OUT = FIGURES / "plan.json"
TRAINED, BATCH, CONTEXT = (1536, 512), 4, 1024
"""Prompt and target tokens, and rows, of benchmarks/gpu.py's training; context of its decoding."""
PUBLISHED = {"mini": "results/published/mini", "smollm2": "results/published/smollm2"}
METHODS = ("sft", "cot", "coconut", "flythinker")
Row = dict[str, Any]


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("plan", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="print the tables of docs/plan.md")
    if parser.parse_args(given).docs:
        print(f"{measured_table(rows())}\n\n{cards_table()}")
        return
    OUT.write_text(json.dumps(rows(), indent=1) + "\n", encoding="utf-8")


def rows() -> list[Row]:
    """Every comparison of planned with measured."""
    return [*_gpu_training(), *_gpu_graphs(), *_gpu_decoding(), *_published()]


def measured_table(found: Sequence[Row]) -> str:
    """For each kind of figure: how many, and the range of planned over measured."""
    lines = ["| what | figures | planned ÷ measured |", "|---|--:|--:|"]
    for what in dict.fromkeys(row["what"] for row in found):
        ratios = [row["planned"] / row["measured"] for row in found if row["what"] == what]
        lines.append(f"| {what} | {len(ratios)} | {min(ratios):.2f} to {max(ratios):.2f} |")
    return "\n".join(lines)


CARDS = [
    ("Qwen2.5-3B", "Qwen2.5-3B", 1, ()),
    ("Qwen2.5-3B", "Qwen2.5-3B", 1, ("model.adapter=lora",)),
    ("Qwen2.5-3B", "Qwen2.5-3B", 2, ("train.sharding=full",)),
    ("Qwen2.5-3B", "Qwen2.5-3B", 8, ("train.sharding=full",)),
    ("Qwen2.5-7B", "Qwen2.5-1.5B", 8, ("train.sharding=full",)),
]
"""Generator, reasoner, cards of 80 GB, settings."""


def cards_table() -> str:
    """The paper preset on one task with one seed: sft and flythinker on cards of 80 GB."""
    device = device_named("h100")
    lines = [
        "| backbone, reasoner | cards | settings | GiB a card: sft, flythinker | training, h:"
        " sft, flythinker | generation, h: sft, flythinker |",
        "|---|--:|---|--:|--:|--:|",
    ]
    for backbone, reasoner, cards, sets in CARDS:
        models = [f"model.backbone=Qwen/{backbone}-Instruct"]
        models += [f"model.reasoner=Qwen/{reasoner}-Instruct"]
        settings = build_settings("paper", [*models, *sets])
        costs = [
            run_cost(name, settings, Path("none"), device.cards(cards))
            for name in ("sft", "flythinker")
        ]
        memory = ", ".join(_fits(cost.memory, device.memory) for cost in costs)
        hours = [
            ", ".join(f"{cost.seconds[phase] / 3600:.1f}" for cost in costs if cost.seconds)
            for phase in ("training", "generation")
        ]
        shown = ", ".join(f"`{text}`" for text in sets) or "–"
        lines.append(
            f"| {backbone}, {reasoner} | {cards} | {shown} | {memory} | {hours[0]} | {hours[1]} |"
        )
    return "\n".join(lines)


def _fits(memory: float, limit: float) -> str:
    shown = f"{memory / 2**30:.0f}"
    return shown if memory <= limit * 2**30 else f"{shown} (too large)"


def _paper(backbone: str, reasoner: str | None, *more: str) -> RunSettings:
    sets = [f"model.backbone=Qwen/Qwen2.5-{backbone}-Instruct", *more]
    if reasoner is not None:
        sets.append(f"model.reasoner=Qwen/Qwen2.5-{reasoner}-Instruct")
    return build_settings("paper", sets)


def _gpu_training() -> Iterator[Row]:
    figures = json.loads((FIGURES / "gpu_h200.json").read_text(encoding="utf-8"))
    device = device_named("h200")
    for case, found in figures.items():
        if not case.startswith("training ") or "step_s" not in found:
            continue
        name, _, checkpointing = case.removeprefix("training ").partition(", ")
        method, _, models = name.partition(" ")
        backbone, _, reasoner = models.partition(" + ")
        again = f"train.gradient_checkpointing={str(bool(checkpointing)).lower()}"
        settings = _paper(backbone, reasoner or None, again)
        shapes, row = shapes_of(method, settings.model), sum(TRAINED)
        seconds = BATCH * row_seconds(shapes, device, row, TRAINED[1], bool(checkpointing))
        yield _row("optimizer step, H200", case, seconds, found["step_s"])
        peak = peak_bytes(shapes, settings, GPU, Rows.of_budgets(settings, row)) / 2**20
        yield _row("peak of training, H200", case, peak, found["peak_memory_mib"])


def _gpu_graphs() -> Iterator[Row]:
    figures = json.loads((FIGURES / "gpu_h200.json").read_text(encoding="utf-8"))
    device, found = device_named("h200"), figures["decoding 0.5B + 0.5B"]
    one, two = shapes_of("flythinker", _paper("0.5B", "0.5B").model)
    ways = {
        "sft": [[one]],
        "flythinker, one after the other": [[one], [two]],
        "flythinker, stacked": [[one, two]],
    }
    for batch in ("1", "8", "32"):
        for way, started in ways.items():
            step = sum(decoding_step(each, device, int(batch), CONTEXT, True) for each in started)
            measured = found[batch][way]["step_s"]
            yield _row("decoding step by graphs, H200", f"{way}, batch {batch}", step, measured)


def _gpu_decoding() -> Iterator[Row]:
    figures = json.loads((FIGURES / "gpu_h100.json").read_text(encoding="utf-8"))
    device = device_named("h100")
    ways = {"sft": "sft", "flythinker": "flythinker, one after the other"}
    for case, found in figures.items():
        if not case.startswith("decoding "):
            continue
        settings = _paper(*case.removeprefix("decoding ").split(" + "))
        for batch in ("1", "8", "32"):
            for method, way in ways.items():
                shapes = shapes_of(method, settings.model)
                step = decoding_step(shapes, device, int(batch), CONTEXT, False)
                name = f"{case}, {method}, batch {batch}"
                yield _row(
                    "decoding step by transformers, H100", name, step, found[batch][way]["step_s"]
                )


def _published() -> Iterator[Row]:
    """Each method's first published run, from the speed of sft's with the same preset."""
    for place, folder in PUBLISHED.items():
        records = {name: _first(ROOT / folder, name) for name in METHODS}
        for method, record in records.items():
            settings = validate(RunSettings, {**load_preset("mini"), **record.settings})
            assert record.training is not None
            peak = peak_bytes(
                shapes_of(method, settings.model), settings, CPU,
                Rows.of_budgets(settings, row_tokens(settings)[0]),
            ) / 2**20  # fmt: skip
            assert record.peak_memory_mib is not None
            yield _row("peak memory of a run, CPU", f"{place} {method}", peak,
                       record.peak_memory_mib)  # fmt: skip
            if method == "sft":
                continue
            rates = measured_rates(records["sft"], method)
            assert rates is not None
            seconds = phase_seconds(method, settings, rates)["training"]
            yield _row("training, from sft's speed, CPU", f"{place} {method}", seconds,
                       record.training.seconds_total)  # fmt: skip


def _first(folder: Path, method: str) -> Record:
    """The run of the method's plain settings with seed 0."""
    found = [
        read_record(path.parent) for path in sorted(folder.glob(f"*/{method}/s0-*/record.json"))
    ]
    plain = [record for record in found if not record.settings.get("method")]
    return min(plain, key=lambda record: record.started)


def _row(what: str, case: str, planned: float, measured: float) -> Row:
    return {
        "what": what,
        "case": case,
        "planned": round(planned, 4),
        "measured": round(measured, 4),
    }


if __name__ == "__main__":
    main()
