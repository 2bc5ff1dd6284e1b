"""What the terminal shows after a run: scores with intervals, costs, counts, where it lies."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from harness.record import Record
from harness.run import Outcome
from harness.types import Score


def cell(score: Score | None) -> str:
    """`12.34 [11.90, 12.80]`; a missing metric says so."""
    if score is None or score.value is None:
        return "–"
    if score.low is None or score.high is None:
        return f"{score.value:.2f}"
    return f"{score.value:.2f} [{score.low:.2f}, {score.high:.2f}]"


def print_outcome(console: Console, outcome: Outcome) -> None:
    """One run's table."""
    record = outcome.record
    title = f"{record.method} · {record.task} · {record.run_id}"
    if outcome.repeated:
        title += " (complete before; --fresh redoes it)"
    table = Table(title=title, title_justify="left")
    table.add_column("measure")
    table.add_column("value [95 % interval over users]", justify="right")
    table.add_column("of", style="dim")
    for row in following_rows(record):
        table.add_row(*row)
    for name, score in record.metrics.items():
        table.add_row(name, cell(score), score.missing or "0–100")
    for row in likelihood_rows(record) + lift_rows(record) + cost_rows(record):
        table.add_row(*row)
    console.print(table)
    for line in notices(record):
        console.print(line, style="yellow", highlight=False)
    print_one_text(console, outcome)
    console.print(f"record: {outcome.folder}", highlight=False, soft_wrap=True)


def following_rows(record: Record) -> list[tuple[str, str, str]]:
    """Preference following of the built-in benchmark, between its floor and its ceiling."""
    found = record.following
    if found is None:
        return []
    value = Score(found["value"], (), "", found.get("low"), found.get("high"))
    floor = f"chance {found['chance']:.1f}, another author's text {found['floor']:.1f}"
    rows = [("preferences followed", cell(value), f"{floor}, ceiling {found['ceiling']:.0f}")]
    slices = [
        f"{each['value']:.1f}" if each["value"] is not None else "–" for each in found["slices"]
    ]
    starts = ", ".join(str(each["from"]) for each in found["slices"])
    rows.append(("  by position", " · ".join(slices), f"slices from {starts}"))
    if found.get("held_out") and found["held_out"]["value"] is not None:
        held = found["held_out"]
        rows.append(
            ("  kind never trained", f"{held['value']:.2f}", f"chance {held['chance']:.1f}")
        )
    return rows


def likelihood_rows(record: Record) -> list[tuple[str, str, str]]:
    """NLL of the references, overall and by slice."""
    found = record.likelihood
    if found is None or found.get("value") is None:
        return []
    value = Score(found["value"], (), "", found.get("low"), found.get("high"))
    rows = [("NLL of references", cell(value), "nats per slice token, lower is better")]
    slices = [
        f"{each['value']:.3f}" if each["value"] is not None else "–" for each in found["slices"]
    ]
    rows.append(("  by position", " · ".join(slices), ""))
    return rows


def lift_rows(record: Record) -> list[tuple[str, str, str]]:
    """What the own profile gains over other users' profiles and over none."""
    found = record.lift or {}
    rows = []
    for name, key, unit in (("likelihood", "all", "nats"), ("texts", "following", "points")):
        for kind in ("random", "topic"):
            lift = found.get(name, {}).get(kind, {}).get(key)
            if lift is None:
                continue
            for what, label in (("own_other", f"own − {kind} other"), ("own_empty", "own − none")):
                if what == "own_empty" and kind == "topic":
                    continue
                score = Score(**lift[what], each=())
                rows.append(
                    (f"lift {key if name == 'texts' else 'NLL'}", cell(score), f"{label}, {unit}")
                )
    return rows


def cost_rows(record: Record) -> list[tuple[str, str, str]]:
    """Time and memory of training and writing."""
    rows = []
    if record.training:
        cost = record.training
        rows.append(
            (
                "training",
                f"{cost['seconds_total']:.0f} s",
                f"{cost['steps']} steps, {cost['tokens']:,} tokens,"
                f" {cost['peak_memory_mib']:,.0f} MiB",
            )
        )
    cost = record.inference or {}
    if cost.get("tokens_per_s"):
        rows.append(
            (
                "writing",
                f"{cost['tokens_per_s']:,.0f} tokens/s",
                f"batch {cost['batch_size']}, first token"
                f" {1000 * cost['time_to_first_token_s']:,.0f} ms,"
                f" {cost['peak_memory_mib']:,.0f} MiB",
            )
        )
    return rows


def notices(record: Record) -> list[str]:
    """What a reader must know before believing the table."""
    n = record.n
    lines = [f"examples {n.planned}, scored {n.scored}"]
    for count, what in (
        (n.failed, "failed (scored as empty)"),
        (n.empty, "empty"),
        (n.capped, "reached the cap on new tokens"),
        (n.input_cut, "prompts cut to their budget"),
        (n.target_cut, "training targets cut"),
    ):
        if count:
            lines.append(f"{count} {what}")
    missing = [f"{name}: {s.missing}" for name, s in record.metrics.items() if s.missing]
    return [" · ".join(lines), *missing]


def print_one_text(console: Console, outcome: Outcome) -> None:
    """The first test example as written, so that numbers have a face."""
    from harness.record import read_predictions

    texts = read_predictions(outcome.folder)
    if not texts:
        return
    text = min(texts, key=lambda each: each.id)
    console.print(f"[dim]example {text.id}, as written (`harness show {outcome.folder}`):[/]",
                  highlight=False, soft_wrap=True)  # fmt: skip
    shown = text.output if len(text.output) <= 500 else text.output[:500] + " …"
    console.print(shown or "(empty)", markup=False, highlight=False)


def print_together(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Several runs side by side, a row each."""
    first = outcomes[0].record
    names = list(first.metrics)
    mini = first.following is not None
    table = Table(title="all runs", title_justify="left")
    heads = [
        "method",
        "task",
        *(["followed"] if mini else []),
        *names,
        "NLL",
        "training s",
        "tokens/s",
    ]
    for head in heads:
        table.add_column(head, justify="left" if head in ("method", "task") else "right")
    for outcome in outcomes:
        record = outcome.record
        training = record.training["seconds_total"] if record.training else None
        speed = (record.inference or {}).get("tokens_per_s")
        values = [record.metrics[name].value if name in record.metrics else None for name in names]
        likelihood = (record.likelihood or {}).get("value")
        followed = [record.following["value"]] if mini and record.following else []
        table.add_row(
            record.method,
            record.task,
            *(_number(value, 2) for value in [*followed, *values]),
            _number(likelihood, 3),
            _number(training, 0),
            _number(speed, 0),
        )
    console.print(table)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
