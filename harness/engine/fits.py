"""Checks before training that all rows of a run fit its models.

Each model needs a position for every token of the longest row, and a row in its embedding matrix
for every id in the texts (a tokenizer may have more ids: Gemma 3 1B's has an image token). Lengths
are exact, except that hidden text not generated yet counts with its budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from transformers import PreTrainedModel

from harness.engine.lm import PersonalLM, causal_lms, embedding_matrix
from harness.engine.position_limits import position_limits
from harness.errors import UsageError

SHOWN = 5
"""Most ids named in a message."""


@dataclass(frozen=True)
class Row:
    """One row that a model will read.

    what: its kind, for messages. parts: tokens by name, e.g. (("prompt", 700),
    ("decode.max_new_tokens", 448)). ids: the token ids known beforehand.
    """

    example_id: str
    what: str
    parts: tuple[tuple[str, int], ...]
    ids: Sequence[Sequence[int]] = ()

    def __len__(self) -> int:
        return sum(count for _, count in self.parts)


def most_positions(lm: PersonalLM) -> int | None:
    """Positions that every model in `lm` can read; None without a limit."""
    limits = [each for _, model in causal_lms(lm) for each in position_limits(model.config)]
    return min((each.positions for each in limits), default=None)


Shorten = Mapping[str, Sequence[str]]
"""Part of a row → settings that shorten it."""


def refuse_misfits(
    lm: PersonalLM, rows: Iterable[Row], shorten: Shorten = MappingProxyType({}), instead: str = ""
) -> None:
    """Raises UsageError for rows longer than a model's context, or with ids that it lacks.

    shorten: settings that shorten parts of these rows; the message names those that can mend it.
    instead: what to do without these rows.
    """
    models = list(causal_lms(lm))
    longest: Row | None = None
    used: dict[int, Row] = {}
    for row in rows:
        if longest is None or len(row) > len(longest):
            longest = row
        for part in row.ids:
            for index in set(part):
                used.setdefault(index, row)
    for name, model in models:
        if longest is not None:
            _refuse_length(name, model, longest, shorten, instead)
        _refuse_ids(name, model, used)


def _refuse_length(
    name: str, model: PreTrainedModel, row: Row, shorten: Shorten, instead: str
) -> None:
    limits = position_limits(model.config)
    if not limits or len(row) <= limits[0].positions:
        return
    most = limits[0]
    excess = len(row) - most.positions
    mends = [_lowered(row, excess, shorten), instead, "choose a model with a longer context"]
    parts = " + ".join(f"{what} {count}" for what, count in row.parts if count)
    raise UsageError(
        f"{row.what} of example {row.example_id} needs {len(row)} positions ({parts}), too many"
        f" for the {_title(name, model)}\n"
        f"  found     {most.attribute} = {most.positions} in its config: {most.reason}\n"
        f"  expected  at most {most.positions} in every row, {excess} fewer\n"
        f"  mend      {', or '.join(filter(None, mends))}"
    )


def _lowered(row: Row, excess: int, shorten: Shorten) -> str:
    """Which settings to lower: those of a part that is long enough, else of all parts together; ""
    if no setting makes the row short enough."""
    counts = {part: count for part, count in row.parts if part in shorten}
    if sum(counts.values()) < excess:
        return ""
    able = [part for part, count in counts.items() if count >= excess] or counts
    *most, last = [name for part in shorten if part in able for name in shorten[part]]
    return f"lower {', '.join(most)} or {last}" if most else f"lower {last}"


def _refuse_ids(name: str, model: PreTrainedModel, used: dict[int, Row]) -> None:
    rows = embedding_matrix(model).size(0)
    past = sorted(index for index in used if index >= rows)
    if past:
        first = used[past[0]]
        raise UsageError(
            f"{first.what} of example {first.example_id} contains token id {past[0]}, which the"
            f" {_title(name, model)} does not know\n"
            f"  found     {rows} rows in its embedding matrix, and texts with the ids"
            f" {', '.join(map(str, past[:SHOWN]))}{' …' if len(past) > SHOWN else ''}\n"
            f"  expected  ids below {rows} in all texts of the run\n"
            "  mend      choose a tokenizer and a model that belong together, or resize the model's"
            " embeddings (resize_token_embeddings) and save it again"
        )


def _title(name: str, model: PreTrainedModel) -> str:
    source = model.config._name_or_path
    return f"{name or 'model'}{f' {source!r}' if source else ''} ({type(model).__name__})"
