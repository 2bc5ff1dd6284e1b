"""What an inspection found, as a sentence and tables."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import counted
from harness.record.inspected import InspectedExample, Inspection, Mean
from harness.reports.render.numbers import figure
from harness.reports.render.table import Column, Table, Value

MOST = 12
"""Tokens in the table of those that thoughts move most."""
DIGITS = 4
KL = Column("KL", "nats", "number", DIGITS)
COSINE = Column("cosine", "", "number", 2)


def sentence(found: Inspection) -> str:
    """How far thoughts move the next token, on average."""
    whole = found.whole
    text = "reference" if found.of == "reference" else "text"
    over = f"{counted(whole.count, 'token')} of {counted(len(found.examples), text)}"
    words = (
        f"{found.method}'s thoughts move the prediction of a token by"
        f" {figure(whole.kl, DIGITS)} nats on average ({over})"
    )
    if whole.cosine is not None:
        words += f"; their mean cosine to the profile's entries is {figure(whole.cosine, 2)}"
    return words + "."


def tables(found: Inspection) -> list[Table]:
    """Means by position, kind and number of the thought, where there are any."""
    named: list[tuple[str, str, str, Sequence[Mean]]] = [
        ("before", "thoughts before the text", "thought", found.before),
        ("positions", "by position in the text", "tokens", found.positions),
        ("kinds", "by kind of the user's habits", "kind", found.kinds),
    ]
    return [
        _means(name, f"How far thoughts move predictions, {title}", head, means)
        for name, title, head, means in named
        if means
    ]


def _means(name: str, title: str, head: str, means: Sequence[Mean]) -> Table:
    columns = (Column(head), Column("number", "", "number", 0), KL, COSINE)
    rows = tuple((one.name, one.count, one.kl, one.cosine) for one in means)
    return Table(f"inspect_{name}", title, columns, rows)


def most_moved(example: InspectedExample) -> Table:
    """The tokens that thoughts move most, with the nearest tokens of each one's own thought."""
    own = {} if example.before_text else {each.position: each for each in example.thoughts}
    order = sorted(range(len(example.tokens)), key=lambda index: -example.tokens[index].kl)
    columns = [Column("position", "", "number", 0), Column("token"), KL]
    rows: list[tuple[Value, ...]] = []
    for index in order[:MOST]:
        token = example.tokens[index]
        row: list[Value] = [index, shown(token.text), token.kl]
        if own:
            columns[3:] = [Column("nearest tokens of the thought")]
            row.append(nearest(own[index].nearest) if index in own else "")
        rows.append(tuple(row))
    title = f"Tokens that thoughts move most, {example.id}"
    return Table(f"inspect_{example.id}", title, tuple(columns), tuple(rows))


def nearest(tokens: Sequence[str]) -> str:
    return " · ".join(map(shown, tokens))


def shown(text: str) -> str:
    """A token with its white space visible."""
    return text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥") or "∅"
