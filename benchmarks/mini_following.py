"""Preferences followed by kind, as a Markdown table: python -m benchmarks.mini_following"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.mini_choices import PUBLISHED
from harness.record import Record, find_runs, read_record
from harness.record.estimates import Breakdown, Group

SHOWN = ("nonpers", "rag", "sft")
"""Methods whose calls are shown by kind: no profile, a profile, training."""


def records(folder: Path = PUBLISHED / "mini") -> dict[str, Record]:
    """Method, or `skyline`, → its published record with seed 0, as the preset has it."""
    every = (read_record(run) for run in find_runs([folder]))
    return {
        record.method: record
        for record in every
        if record.method in (*SHOWN, "skyline")
        and record.seed == 0
        and not record.settings.get("method")
        and record.setting("model.backbone") in (None, "mini")
    }


def following(record: Record) -> Breakdown:
    """Preferences followed: the mean over examples of the share of their calls, in %."""
    return record.breakdowns["following"]


def table(found: dict[str, Record]) -> list[str]:
    """A Markdown table: a row a kind, all kinds that are trained, and the one that is not."""
    views = [following(found[method]) for method in SHOWN]
    rows: dict[str, Sequence[Group]] = {
        kind: [view.groups["kind"][kind] for view in views] for kind in views[0].groups["kind"]
    }
    rows |= {
        "all": views,
        "tag (never trained)": [view.groups["held_out"]["all"] for view in views],
    }
    lines = [f"| kind | {' | '.join(SHOWN)} |", "|---" * (len(SHOWN) + 1) + "|"]
    return lines + [
        f"| {kind} | {' | '.join(f'{each.value:.1f}' for each in groups)} |"
        for kind, groups in rows.items()
    ]


if __name__ == "__main__":
    print("\n".join(table(records())))
