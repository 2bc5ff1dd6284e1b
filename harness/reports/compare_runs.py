"""`harness compare`: runs → one report in every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.errors import counted
from harness.reports.certificate.certificate_part import certificate_part
from harness.reports.claims.claims_page import claims_part
from harness.reports.compared.facts import facts_of
from harness.reports.compared.verdicts import Compared, compare_boards
from harness.reports.render.section import Document, Part, listed, section
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked
from harness.reports.sections.authors_table import authors_part
from harness.reports.sections.costs_of_methods import costs_part
from harness.reports.sections.headline import headline_part
from harness.reports.sections.judges import judges_part
from harness.reports.sections.lift_by_profile import lift_part
from harness.reports.sections.loss_curves import training_part
from harness.reports.sections.metric_table import scores_part
from harness.reports.sections.positions import drift_part
from harness.reports.sections.quality_table import quality_part
from harness.reports.sections.settings_and_runs import provenance_part, warnings
from harness.reports.sections.side_by_side import examples_part
from harness.reports.sections.thoughts import thoughts_part
from harness.reports.tokens.copied_part import copied_part
from harness.reports.tokens.fading_part import fading_part

MOST_NAMED = 8
"""Systems whose names, with their settings, a title holds."""
SECTIONS: Mapping[str, Callable[[Compared], Part]] = {
    "scores": scores_part,
    "quality": quality_part,
    "drift": drift_part,
    "lift": lift_part,
    "copied": copied_part,
    "fading": fading_part,
    "authors": authors_part,
    "certificate": certificate_part,
    "controls": thoughts_part,
    "judges": lambda compared: judges_part(compared.board),
    "claims": claims_part,
    "training": training_part,
    "costs": costs_part,
}
"""Name of a section → what it shows of one task; `texts.toml` has its title and introduction."""


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
    compared = compare_boards(boards, options.metric)
    # 1. The sections, each over all tasks.
    main = compared[0].main_name
    parts = {name: list(map(part, compared)) for name, part in SECTIONS.items()}
    if options.texts:
        parts["examples"] = list(map(partial(examples_part, pair=options.pair), compared))
    parts["provenance"] = list(map(provenance_part, boards))
    added = [
        [fact for part in of_board for fact in part.facts]
        for of_board in zip(*parts.values(), strict=True)
    ]
    sections = [section("summary", [headline_part(compared)])]
    sections += [section(name, each, main=main) for name, each in parts.items()]
    # 2. Title and warnings.
    systems = [system for board in boards for system in board.systems]
    names = list(dict.fromkeys(system.name for system in systems))
    if len(names) > MOST_NAMED:
        methods = listed(list(dict.fromkeys(system.record.method for system in systems)))
        names = [f"{len(names)} systems: {methods}"]
    lines = warnings(boards, [*left_out, *(line for one in sections for line in one.warnings)])
    return Document(
        f"Comparison of {listed(names)}",
        f"{counted(sum(len(system.runs) for system in systems), 'run')} on"
        f" {listed([board.task for board in boards])}; made by harness compare",
        tuple(filter(None, sections)),
        tuple(lines),
        facts_of(compared, lines, added),
    )
