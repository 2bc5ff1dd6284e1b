"""`harness compare`: runs → one report in every format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.record import write_json
from harness.reports.compared.contrasts import Contrasts, contrast_all, judge_family
from harness.reports.compared.measures import main_measure, measures_of
from harness.reports.render.document import Document, listed
from harness.reports.render.latex import to_latex
from harness.reports.render.markdown import to_markdown
from harness.reports.render.plots import save
from harness.reports.render.spreadsheet import to_csv
from harness.reports.runs.comparable import checked
from harness.reports.runs.systems import Board, load_boards
from harness.reports.sections.cost_tables import (
    costs_section,
    mean_cost,
    peak_mib,
    text_s,
    times_not_comparable,
    tokens_per_s,
    training_s,
)
from harness.reports.sections.headline import Results, headline_section
from harness.reports.sections.loss_curves import training_section
from harness.reports.sections.metric_table import scores_section
from harness.reports.sections.personal import authors_section, thought_replacement_section
from harness.reports.sections.positions import drift_section
from harness.reports.sections.profile_swap import lift_contrasts, lift_section
from harness.reports.sections.settings_and_runs import provenance_section, warnings
from harness.reports.sections.side_by_side import examples_section

MOST_NAMED = 8
"""Systems whose names, with their settings, a title holds."""
PAGE, MARKDOWN, COMPARISONS = "index.html", "report.md", "comparisons.json"


@dataclass(frozen=True)
class Options:
    """What the user asks of a comparison.

    allow_different: compare although data or decoding settings differ.
    texts: show example texts.
    metric: the measure that the verdict is about; None for the runs' first metric.
    pair: "A,B", the two systems whose texts are shown.
    """

    allow_different: bool = False
    texts: bool = True
    metric: str | None = None
    pair: str | None = None


def compare(paths: Sequence[Path], options: Options = Options()) -> Document:
    """The report on all runs at or below `paths`; its `facts` are the JSON document.

    Writes nothing. Raises HarnessError if the runs are not comparable.
    """
    loaded, left_out = load_boards(paths)
    boards = [checked(board, options.allow_different) for board in loaded]
    results, main = contrast_boards(boards, options.metric)
    lifts = {board.task: lift_contrasts(board, main) for board in boards}
    notes = list(left_out)
    sections = [
        headline_section(boards, results, main),
        scores_section(boards, results, main),
        drift_section(boards, results, main),
        lift_section(boards, lifts),
        authors_section(boards),
        thought_replacement_section(boards),
        training_section(boards),
        costs_section(boards),
    ]
    if options.texts:
        section, missing = examples_section(boards, results, main, options.pair)
        sections.append(section)
        notes += missing
    sections.append(provenance_section(boards))
    warning_lines = warnings(boards, notes)
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
        tuple(warning_lines),
        as_json(boards, results, lifts, main, warning_lines),
    )


def contrast_boards(boards: Sequence[Board], metric: str | None = None) -> tuple[Results, str]:
    """Task → measure → contrasts, and the main measure's name.

    Holm's correction has two kinds of family: all tasks and pairs on the main measure; and, in each
    task, all pairs on all other measures.
    """
    # 1. The main measure must exist in every task.
    measures = {board.task: measures_of(board) for board in boards}
    common = [
        one for one in measures[boards[0].task]
        if all(one.name in {other.name for other in rest} for rest in measures.values())
    ]  # fmt: skip
    main = main_measure(common, metric).name
    # 2. Values and paired tests, not yet corrected.
    raw = {
        board.task: {one.name: contrast_all(one, board) for one in measures[board.task]}
        for board in boards
    }
    # 3. Verdicts: one family for the main measure, one a task for the rest.
    first = judge_family([raw[board.task][main] for board in boards])
    results = {}
    for board, of_main in zip(boards, first, strict=True):
        others = [one for name, one in raw[board.task].items() if name != main]
        by_name = {one.measure.name: one for one in [of_main, *judge_family(others)]}
        results[board.task] = {name: by_name[name] for name in raw[board.task]}
    return results, main


def write_report(document: Document, out: Path) -> list[Path]:
    """Write page, Markdown, JSON, figures and tables below `out`; returns their paths.

    Raises UsageError if `out` is a file.
    """
    from harness.reports.render.html import to_html

    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; expected a folder, new or existing")
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
    results: Results,
    lifts: Mapping[str, Sequence[Contrasts]],
    main: str,
    warning_lines: Sequence[str],
) -> dict[str, Any]:
    """Values, intervals, significance letters, comparisons and costs of every board."""
    parts = [_board(board, results[board.task].values(), lifts[board.task]) for board in boards]
    return {"main": main, "warnings": list(warning_lines), "boards": parts}


def _board(board: Board, found: Iterable[Contrasts], lifts: Iterable[Contrasts]) -> dict[str, Any]:
    costs = {"training_s": training_s, "text_s": text_s, "peak_mib": peak_mib,
             "tokens_per_s": tokens_per_s}  # fmt: skip
    return {
        "task": board.task,
        "texts": len(board.ids),
        "users": len(set(board.users.values())),
        "allowed": list(board.allowed),
        "times_compare": times_not_comparable(board) is None,
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
