"""The tables of docs/performance.md, from the stored figures.

python -m benchmarks.performance     # writes each table between its marks
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import compiled
from benchmarks.peers import growth_table, quotients_table

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "benchmarks" / "figures"
PAGE = ROOT / "docs" / "performance.md"
Known = dict[str, Any]


def adapters_table(known: Known) -> str:
    """Memory and time of an optimizer step and of a decoding step, arm by arm."""
    lines = [
        "| arm | trained parameters | training, MiB | ÷ sft, lora | decoding, MiB | ÷ sft"
        " | optimizer step, s | ÷ sft, lora | decoding step, ms | ÷ sft |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    memory, times = known["memory"], known["times"]
    for arm, phases in memory.items():
        training, decoding = (phases[name]["mib"] for name in ("training", "decoding"))
        step, token = (times[name][arm] for name in ("training", "decoding"))
        cells = (
            f"{phases['training']['trained']:,}",
            f"{training:,.0f}",
            f"{training / memory['sft, lora']['training']['mib']:.2f}",
            f"{decoding:,.0f}",
            f"{decoding / memory['sft']['decoding']['mib']:.2f}",
            f"{step['step_s']:.2f}",
            _ratio(step.get("over sft, lora")),
            f"{1000 * token['step_s']:.1f}",
            _ratio(token.get("over sft")),
        )
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratio(found: Mapping[str, float] | None) -> str:
    """A ratio of paired rounds with its interval."""
    return f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]" if found else "1.00"


def number_types_table(known: Known) -> str:
    """float32 against bfloat16: likelihoods, texts, scores, times."""
    lines = ["| | " + " | ".join(known["methods"]) + " |", "|---|" + "--:|" * len(known["methods"])]

    def row(title: str, of: Callable[[Any], str]) -> None:
        cells = (of(one) for one in known["methods"].values())
        lines.append(f"| {title} | {' | '.join(cells)} |")

    row("NLL, nats a token: float32, bfloat16",
        lambda one: f"{one['nll']['float32']:.4f}, {one['nll']['bfloat16']:.4f}")  # fmt: skip
    row("gap of an example: mean, largest",
        lambda one: f"{one['nll']['mean_gap']:.4f}, {one['nll']['max_gap']:.4f}")  # fmt: skip
    row("texts that differ", lambda one: f"{one['texts_that_differ']} of {one['texts']}")
    row("words before the first difference, median",
        lambda one: f"{one['words_before_the_first_difference']:g}")  # fmt: skip
    for name in next(iter(known["methods"].values()))["scores"]:
        row(f"{name}: float32, bfloat16",
            lambda one, name=name: ", ".join(map(str, one["scores"][name])))  # fmt: skip
    phases = {"writing": "generation", "likelihood": "likelihood", "optimizer step": "a step"}
    for name, title in phases.items():
        row(f"seconds in float32 ÷ bfloat16, {title}",
            lambda one, name=name: str(
                one["time_in_float32_over_bfloat16"].get(name, "–")))  # fmt: skip
    return "\n".join(lines)


def verdicts_table(known: Known) -> str:
    """One comparison in both types."""
    lines = ["| measure | float32 | bfloat16 |", "|---|---|---|"]
    measures = [set(each) for each in known["verdicts"].values()]
    for name in next(iter(known["verdicts"].values())):
        if all(name in each for each in measures):
            cells = (_verdict(each[name]) for each in known["verdicts"].values())
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _verdict(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return str(found["reason"] or "–")
    number, low, high = (f"{found[name]:+.3f}" for name in ("difference", "low", "high"))
    text = f"{found['first']} − {found['second']} {number} [{low}, {high}]".replace("-", "−")
    return f"{text}: {found['verdict']}" if found["verdict"] else text


WORK = {
    "first": "empty caches", "second": "with the caches that it left",
    "score": "harness score, one core", "score_all_cores": "harness score, all cores",
    "libraries": "sacrebleu, rouge-score and NLTK alone",
}  # fmt: skip


def full_size_table(known: Known) -> str:
    """Seconds and memory of each part on a share of LongLaMP's abstracts."""
    lines = [
        "| part | share of the rows | | CPU s | wall s | peak, MiB |",
        "|---|--:|---|--:|--:|--:|",
    ]
    for part, found in known.items():
        for name, costs in found.items():
            if name in WORK:
                lines.append(
                    f"| {part} | {found['scale']:g} | {WORK[name]} | {costs['cpu_s']:.1f} |"
                    f" {costs['wall_s']:.1f} | {costs['peak_mib']:,} |"
                )
    return "\n".join(lines)


GRAPHED = {
    "sft": "sft", "flythinker, stacked": "flythinker", "flythinker": "two streams",
    "flythinker, one after the other": "one after the other", "coconut": "coconut",
    "transformers": "transformers' `generate`, one model",
}  # fmt: skip
"""Ways of decoding in benchmarks/gpu.py → their columns; the columns of no pair are one model's."""


def graphs_table(known: Known) -> str:
    """A decoding step and the first token on a GPU, in ms, with the floor of the same run."""
    found = known["decoding 0.5B + 0.5B"]
    floors = [
        1000 * found["weight_bytes"][method] / found["ceilings"]["copy_bytes_per_s"]
        for method in ("sft", "flythinker")
    ]
    columns = [*GRAPHED.values(), "floor of sft · flythinker"]
    columns += ["flythinker ÷ generate", "sft ÷ generate", "flythinker ÷ sft"]
    lines = [f"| | batch | {' | '.join(columns)} |", "|---|--:|" + "--:|" * len(columns)]
    for what, title in (("step_s", "step"), ("first_token_s", "first token")):
        for batch in ("1", "8", "32"):
            ms = {name: 1000 * found[batch][name][what] for name in GRAPHED}
            both, one, theirs = ms["flythinker, stacked"], ms["sft"], ms["transformers"]
            cells = [f"{time:.{2 if what == 'step_s' else 1}f}" for time in ms.values()]
            cells.append(" · ".join(f"{floor:.2f}" for floor in floors) if what == "step_s" else "")
            cells += [f"{ratio:.2f}" for ratio in (both / theirs, one / theirs, both / one)]
            lines.append(f"| {title} | {batch} | {' | '.join(cells)} |")
    return "\n".join(lines)


FORWARDED = {
    "sft": "sft", "transformers": "transformers' `generate`, one model",
    "flythinker, one after the other": "flythinker, one model after the other",
    "flythinker": "flythinker, two streams",
}  # fmt: skip
"""Ways of decoding without a graph → their columns."""


def forwarded_table(known: Known) -> str:
    """A decoding step by transformers' forward, in ms: the range over batches, and the floor."""
    heads = ("generator + reasoner", *FORWARDED.values(), "floor of sft · flythinker")
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * (len(heads) - 1)]
    for name, found in known.items():
        if not name.startswith("decoding "):
            continue
        cells = [name.removeprefix("decoding ")]
        for way in FORWARDED:
            steps = [1000 * found[batch][way]["step_s"] for batch in ("1", "8", "32")]
            cells.append(f"{min(steps):.1f}–{max(steps):.1f}")
        copied = known["ceilings"]["copy_bytes_per_s"]
        sizes = (found["weight_bytes"][method] for method in ("sft", "flythinker"))
        cells.append(" · ".join(f"{1000 * size / copied:.2f}" for size in sizes))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def optimizer_table(known: Known) -> str:
    """An optimizer step on a GPU, beside sft with the same generator and checkpointing."""
    heads = (
        "model", "checkpointing", "step, s", "÷ sft", "FLOPs ÷ sft", "tokens/s", "peak, GiB",
        "share of bf16 peak",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "--:|" * (len(heads) - 2)]
    for kept in ("", ", checkpointing"):
        for model in TRAINED:
            found = known[f"training {model}{kept}"]
            sft = known[f"training sft {model.split()[1]}{kept}"]
            cells = [model, "yes" if kept else "no"]
            if "out_of_memory" in found:
                cells += ["out of memory", "", "", "", "", ""]
            else:
                rate = found["flops"] / found["step_s"] / known["ceilings"]["bf16_flops_per_s"]
                cells += [
                    f"{found['step_s']:.2f}", f"{found['step_s'] / sft['step_s']:.2f}",
                    f"{found['flops'] / sft['flops']:.2f}", f"{found['tokens_per_s']:,.0f}",
                    f"{found['peak_memory_mib'] / 1024:.1f}", f"{100 * rate:.0f} %",
                ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


TRAINED = (
    "sft 0.5B", "flythinker 0.5B + 0.5B", "sft 1.5B", "flythinker 1.5B + 1.5B",
    "flythinker 1.5B + 0.5B", "sft 3B", "flythinker 3B + 3B", "flythinker 3B + 1.5B",
)  # fmt: skip
"""Models of the table, in its order."""

TABLES: Mapping[str, tuple[str, Callable[[Known], str]]] = {
    "peers": ("peers", quotients_table),
    "growth": ("peers", growth_table),
    "compiled": ("compiled", compiled.table),
    "adapters": ("adapters", adapters_table),
    "number types": ("number_types", number_types_table),
    "verdicts": ("number_types", verdicts_table),
    "full size": ("full_size", full_size_table),
    "graphs": ("gpu_h200", graphs_table),
    "without graphs": ("gpu_h100", forwarded_table),
    "optimizer steps": ("gpu_h200", optimizer_table),
}
"""Name of a table → the file of its figures, and what makes it."""


def filled(text: str) -> str:
    """The page with every table as its figures give it."""
    for name, (file, table) in TABLES.items():
        known = json.loads((FIGURES / f"{file}.json").read_text("utf-8"))
        start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
        pattern = re.escape(start) + ".*?" + re.escape(end)
        if not re.search(pattern, text, re.DOTALL):
            raise SystemExit(f"{PAGE}: no place for the table {name}: {start.strip()}")
        made = f"{start}{table(known)}\n{end}"
        text = re.sub(pattern, lambda _, made=made: made, text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
