"""README's first table from the published records: python -m benchmarks.readme_table"""

import sys
from pathlib import Path

from harness.record import HasInterval, Record, find_runs, read_record
from harness.registry import METHODS
from harness.reports.render.numbers import estimate, figure

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published" / "mini"
HEAD = (
    "| method | preferences followed | at 0 · 100 · 200 · 300+ | own − another's profile "
    "| ROUGE-1 | training | tokens/s |\n|---|---|---|---|---|---|---|"
)


def first_records(folder: Path) -> dict[str, Record]:
    """The six methods' records at seed 0 that measured lift, by method, in README's order."""
    found = {}
    for run in find_runs([folder / "product_review"]):
        record = read_record(run)
        if record.seed == 0 and record.lift and record.status == "complete":
            found[record.method] = record
    return {name: found[name] for name in METHODS if name in found}


def row(record: Record) -> str:
    """One line of the table."""
    assert record.lift
    assert record.lift.texts
    assert record.inference
    slices = " · ".join(figure(each.value, 0) for each in record.slices["following"])
    own = record.lift.texts["random"]["following"].own_other
    followed = interval(record.metrics["following"])
    trained = f"{record.training.seconds_total:.0f} s" if record.training else "–"
    return (
        f"| {record.method} | {followed} | {slices} | {interval(own)} "
        f"| {record.metrics['rouge1'].value:.1f} | {trained} "
        f"| {record.inference.tokens_per_s:,.0f} |"
    )


def interval(number: HasInterval) -> str:
    """A value with its 95 % interval."""
    return estimate(number, 1)


def table(folder: Path) -> str:
    """All lines, with the benchmark's bounds below."""
    records = first_records(folder)
    lines = [row(record) for record in records.values()]
    following = next(iter(records.values())).breakdowns["following"]
    assert following
    bounds = (
        f"| *bounds* | chance {following.chance:.1f}, another author's text "
        f"{following.floor:.1f}, references {following.ceiling:.0f} | | | | | |"
    )
    return "\n".join([HEAD, *lines, bounds])


if __name__ == "__main__":
    print(table(Path(sys.argv[1]) if len(sys.argv) > 1 else PUBLISHED))
