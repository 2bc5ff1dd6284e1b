"""Author identification, and thought replacement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.metrics import of_words, title_of
from harness.record import AuthorRank, Authors, Difference, ExampleAuthors
from harness.reports.compared.measures import WORDS
from harness.reports.compared.parts import author_measure
from harness.reports.compared.seeds import Pooled, interval_words, over_seeds, spanned
from harness.reports.render.document import Section, listed
from harness.reports.render.table import Column, Table, Value
from harness.reports.runs.systems import Board, System, having, lacking
from harness.reports.sections.columns import METHOD, P_HOLM, cell_of

RANKS: Mapping[
    tuple[str, str],
    tuple[Callable[[Authors], AuthorRank | None], Callable[[ExampleAuthors], float]],
] = {
    ("characters", "top-1 %"): (lambda one: one.characters and one.characters.top1,
                            lambda one: one.characters.top1),
    ("characters", "MRR %"): (lambda one: one.characters and one.characters.mrr,
                          lambda one: one.characters.mrr),
    ("function words", "top-1 %"): (lambda one: one.function_words and one.function_words.top1,
                                lambda one: one.function_words.top1),
    ("function words", "MRR %"): (lambda one: one.function_words and one.function_words.mrr,
                              lambda one: one.function_words.mrr),
}  # fmt: skip
"""Title and unit of a column → its score in a record, and in an example."""


def authors_section(boards: Sequence[Board]) -> Section:
    """How often a text is nearest to its own author's profile."""
    tables = []
    others = set()
    for board in boards:
        rows, pooled = list[tuple[Value, ...]](), list[Pooled]()
        part = having(board, lambda record: record.authors and record.authors.characters)
        for system in part.systems:
            found = [record.authors for record in system.records if record.authors]
            here = [
                over_seeds(board, system, [one for each in found if (one := rank(each))],
                           author_measure(", ".join(head), of_text))
                for head, (rank, of_text) in RANKS.items()
            ]  # fmt: skip
            rows.append((system.name, *map(cell_of, here)))
            pooled += here
            example = found[0]
        if not rows:
            continue
        ranks = [rank(example) for rank, _ in RANKS.values()]
        rows.append(("references (ceiling)", *(one.ceiling if one else None for one in ranks)))
        rows.append(("chance", *(one.chance if one else None for one in ranks)))
        columns = [Column(*head, "number", 1) for head in RANKS]
        faint = frozenset({len(rows) - 2, len(rows) - 1})
        others.add("some" if example.others is None else str(example.others))
        title = f"Author identification, {board.task}"
        notes = (f"Intervals: 95 % over {interval_words(pooled)}{lacking(board, part, '; ')}.",)
        tables.append(
            Table(
                f"authors_{board.task}", title, (METHOD, *columns), tuple(rows), notes, faint=faint
            )
        )
    text = (
        f"Among the author and {listed(sorted(others), 'or')} users of the same topic, whose"
        " profile is nearest to the text, by character n-grams and by function words? Top-1: how"
        " often it is the author's. MRR: mean reciprocal rank of the author.",
    )
    return Section("authors", "Author identification", text if tables else (), tuple(tables))


def thought_replacement_section(boards: Sequence[Board]) -> Section:
    """Thought replacement: the same weights with other thoughts."""
    tables = []
    for board in boards:
        for system in having(board, lambda record: record.controls).systems:
            tables.append(_thoughts_table(board, system))
    text = (
        "Does the model use its thoughts? At test time, without retraining, the thoughts at the"
        " response's positions are replaced. A difference shows that the model depends on its"
        " thoughts, not that thoughts are useful; to show that, compare models trained without"
        " them.",
    )
    return Section("controls", "Thought replacement", text if tables else (), tuple(tables))


def _thoughts_table(board: Board, system: System) -> Table:
    """One row per replacement, with its differences from the model's own thoughts.

    See `_pooled_difference` for several seeds.
    """
    # 1. The replacements that every seed's record has, and the measures to show.
    found = [record.controls for record in system.records if record.controls]
    first = found[0].thoughts
    kept = [
        thought
        for thought in first
        if all(thought in one.thoughts and not one.thoughts[thought].missing for one in found)
    ]
    names = [name for name in first["own"].metrics if not of_words(name) or name in WORDS[:2]]
    likely = all(first[thought].likelihood for thought in kept)
    # 2. Columns: for each measure its value, the difference from the model's own thoughts, and p.
    columns = [Column("thoughts")]
    if likely:
        columns += [
            Column("NLL", "", "number", 3, "lower"),
            Column("NLL minus own", "", "difference", 3),
            P_HOLM,
        ]
    for name in names:
        title = title_of(name)
        columns += [
            Column(title, "", "number", 2, "higher"),
            Column(f"{title} minus own", "", "difference"),
            P_HOLM,
        ]
    # 3. Rows, one per replacement.
    rows = []
    for thought in kept:
        cells: list[Value] = [thought]
        here = [one.thoughts[thought] for one in found]
        if likely:
            cells.append(cell_of(spanned([one.likelihood for one in here if one.likelihood])))
            cells += _pooled_difference(
                [one.minus_own and one.minus_own.likelihood for one in here]
            )
        for name in names:
            cells.append(cell_of(spanned([one.metrics[name] for one in here])))
            minus = [one.minus_own and one.minus_own.metrics.get(name) for one in here]
            cells += _pooled_difference(minus)
        rows.append(tuple(cells))
    # 4. Notes: the family, seeds that lack the view, and how seeds were pooled.
    notes = [
        f"Holm over the {found[0].family} differences of a run. If NLL minus own is above 0, or a"
        " score minus own is below 0, the model is worse without its own thoughts."
    ]
    every = next(one for one in board.systems if one.name == system.name)
    if len(system.runs) < len(every.runs):
        notes.append(
            f"Of the training seeds {listed(list(map(str, every.seeds)))}, only"
            f" {listed(list(map(str, system.seeds)))}"
            f" {'was' if len(system.runs) == 1 else 'were'} evaluated: the numbers describe"
            f" {'that checkpoint' if len(system.runs) == 1 else 'those checkpoints'}."
        )
    if len(found) > 1:
        notes.append(
            f"Means over {len(found)} training seeds. These records hold no values by example, so"
            " seeds are not resampled: an interval spans the lowest to the highest end of the"
            " seeds' intervals over users, and p is the largest of the seeds'."
        )
    label = system.name.replace(" ", "_")
    return Table(f"controls_{label}_{board.task}",
                 f"Thought replacement in {system.name}, {board.task}",
                 tuple(columns), tuple(rows), tuple(notes))  # fmt: skip


def _pooled_difference(found: Sequence[Difference | None]) -> list[Value]:
    """The seeds' differences pooled: mean and span, and the largest p.

    The largest p is conservative: it asks for a difference in every seed, not only in their mean.
    """
    known = [one for one in found if one]
    if not known or len(known) < len(found):
        return [None, None]
    p_values = [one.p_holm for one in known]
    largest = None if None in p_values else max(p for p in p_values if p is not None)
    return [cell_of(spanned(known)), largest]
