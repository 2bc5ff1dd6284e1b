"""`harness compare`: runs → one report in every format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.record import write_json
from harness.reports.compared.contrasts import Contrasts, contrast_all, judged
from harness.reports.compared.measures import main_measure, measures_of
from harness.reports.render.document import Document, listed
from harness.reports.render.latex import to_latex
from harness.reports.render.markdown import to_markdown
from harness.reports.render.spreadsheet import to_csv
from harness.reports.render.style import save
from harness.reports.runs.comparable import checked
from harness.reports.runs.systems import Board, load_boards
from harness.reports.sections.cost_tables import (
    costs_section,
    mean_cost,
    peak_mib,
    text_s,
    timed_apart,
    tokens_per_s,
    training_s,
)
from harness.reports.sections.headline import Found, headline_section
from harness.reports.sections.loss_curves import training_section
from harness.reports.sections.metric_table import scores_section
from harness.reports.sections.personal import authors_section, controls_section
from harness.reports.sections.positions import drift_section
from harness.reports.sections.profile_swap import lift_contrasts, lift_section
from harness.reports.sections.settings_and_runs import provenance_section, warnings
from harness.reports.sections.side_by_side import examples_section

MOST_NAMED = 8
"""Systems whose names, with their settings, a title holds."""
PAGE, MARKDOWN, COMPARISONS = "index.html", "report.md", "comparisons.json"


@dataclass(frozen=True)
class Options:
    """metric: the measure of the verdict. pair: "A,B", two systems whose texts are shown."""

    allow_different: bool = False
    texts: bool = True
    metric: str | None = None
    pair: str | None = None


def compare(paths: Sequence[Path], options: Options = Options()) -> Document:
    """The report on all runs at or below `paths`; `facts` of it is the JSON document.

    Raises HarnessError where runs do not compare; nothing is written.
    """
    loaded, left_out = load_boards(paths)
    boards = [checked(board, options.allow_different) for board in loaded]
    found, main = contrasted(boards, options.metric)
    lifts = {board.task: lift_contrasts(board, main) for board in boards}
    notes = list(left_out)
    sections = [
        headline_section(boards, found, main),
        scores_section(boards, found, main),
        drift_section(boards, found, main),
        lift_section(boards, lifts),
        authors_section(boards),
        controls_section(boards),
        training_section(boards),
        costs_section(boards),
    ]
    if options.texts:
        section, missing = examples_section(boards, found, main, options.pair)
        sections.append(section)
        notes += missing
    sections.append(provenance_section(boards))
    told = warnings(boards, notes)
    named = [system for board in boards for system in board.systems]
    names = list(dict.fromkeys(system.name for system in named))
    if len(names) > MOST_NAMED:
        methods = listed(list(dict.fromkeys(system.record.method for system in named)))
        names = [f"{len(names)} systems: {methods}"]
    runs = sum(len(system.runs) for board in boards for system in board.systems)
    tasks = listed([board.task for board in boards])
    return Document(
        f"Comparison of {listed(names)}",
        f"{runs} runs on {tasks}; made by harness compare",
        tuple(section for section in sections if section),
        tuple(told),
        as_json(boards, found, lifts, main, told),
    )


def contrasted(boards: Sequence[Board], metric: str | None = None) -> tuple[Found, str]:
    """Task → measure → contrasts, and the main measure's name.

    Two kinds of family: the main measure over all tasks and pairs; in a task all others together.
    """
    measured = {board.task: measures_of(board) for board in boards}
    common = [
        one for one in measured[boards[0].task]
        if all(one.name in {other.name for other in rest} for rest in measured.values())
    ]  # fmt: skip
    main = main_measure(common, metric).name
    raw = {
        board.task: {one.name: contrast_all(one, board) for one in measured[board.task]}
        for board in boards
    }
    first = judged([raw[board.task][main] for board in boards])
    found = {}
    for board, judged_main in zip(boards, first, strict=True):
        others = [one for name, one in raw[board.task].items() if name != main]
        together = {one.measure.name: one for one in [judged_main, *judged(others)]}
        found[board.task] = {name: together[name] for name in raw[board.task]}
    return found, main


def write_report(document: Document, out: Path) -> list[Path]:
    """Everything that belongs to a report, below `out`. Raises UsageError where that is a file."""
    from harness.reports.render.html import to_html

    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; expected a folder, new or old")
    out.mkdir(parents=True, exist_ok=True)
    written = [out / PAGE, out / MARKDOWN, out / COMPARISONS]
    written[0].write_text(to_html(document), encoding="utf-8")
    written[1].write_text(to_markdown(document), encoding="utf-8")
    write_json(written[2], document.facts)
    for section in document.sections:
        for picture in section.pictures:
            written += save(picture.drawing, out / "figures" / picture.file)
        for table in section.tables:
            for suffix, text in ((".csv", to_csv(table)), (".tex", to_latex(table))):
                path = out / "tables" / (table.file + suffix)
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
                written.append(path)
    return written


def as_json(
    boards: Sequence[Board],
    found: Found,
    lifts: Mapping[str, Sequence[Contrasts]],
    main: str,
    told: Sequence[str],
) -> dict[str, Any]:
    """Values, intervals, letters, comparisons and costs of every board."""
    parts = [_board(board, found[board.task].values(), lifts[board.task]) for board in boards]
    return {"main": main, "warnings": list(told), "boards": parts}


def _board(board: Board, found: Iterable[Contrasts], lifts: Iterable[Contrasts]) -> dict[str, Any]:
    costs = {"training_s": training_s, "text_s": text_s, "peak_mib": peak_mib,
             "tokens_per_s": tokens_per_s}  # fmt: skip
    return {
        "task": board.task,
        "texts": len(board.ids),
        "users": len(set(board.users.values())),
        "allowed": list(board.allowed),
        "times_compare": timed_apart(board) is None,
        "systems": [
            {
                "name": system.name,
                "method": system.record.method,
                "seeds": system.seeds,
                "runs": [str(run.folder) for run in system.runs],
                "costs": {name: mean_cost(system, cost) for name, cost in costs.items()},
            }
            for system in board.systems
        ],
        "measures": _measures(found),
        "lift": _measures(lifts),
    }


def _measures(found: Iterable[Contrasts]) -> dict[str, Any]:
    return {
        one.measure.name: {
            "title": one.measure.title,
            "unit": one.measure.unit,
            "lower_is_better": one.measure.lower_is_better,
            "best_first": one.order,
            "values": {
                system: {"value": value.value, "low": value.low, "high": value.high,
                         "letters": (one.letters or {}).get(system)}
                for system, value in one.values.items()
            },
            "comparisons": [
                {"first": pair[0], "second": pair[1],
                 **asdict(compared)}
                for pair, compared in one.pairs.items()
            ],
        }
        for one in found
    }  # fmt: skip
