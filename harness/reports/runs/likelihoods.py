"""Likelihoods of models behind an API: compared only where the tokenizer is the same."""

from __future__ import annotations

from dataclasses import replace

from harness.record import ExampleValues, Record
from harness.reports.runs.systems import Board, System


def with_comparable_likelihoods(board: Board) -> Board:
    """The board without the likelihoods (and lifts on them) of models behind an API, if runs with a
    likelihood do not all have one known tokenizer; a note then says so.

    What a server calls a token, and how exact its log-probs are, is not seen here; with the same
    tokenizer the log-probs of the same tokens are compared.
    """
    served = [
        system
        for system in board.systems
        if any(record.backbone.api and record.likelihood for record in system.records)
    ]
    tokenizers = {_tokenizer(record) for record in board.records if record.likelihood}
    if not served or (len(tokenizers) == 1 and None not in tokenizers):
        return board
    names = ", ".join(one.name for one in served)
    note = (
        f"the likelihood of {names} is left out: a model behind an API, and not all tokenizers here"
        " are known to be the same (model.tokenizer)"
    )
    systems = tuple(_without(one) if one in served else one for one in board.systems)
    return replace(board, systems=systems, notes=(*board.notes, note))


def _tokenizer(record: Record) -> str | None:
    """sha256 of the tokenizer's file; None if it is not known."""
    return record.inputs.backbone.get("tokenizer.json") if record.inputs else None


def _without(system: System) -> System:
    runs = tuple(replace(run, record=_record(run.record)) for run in system.runs)
    return replace(system, runs=runs)


def _record(record: Record) -> Record:
    lift = record.lift and replace(record.lift, likelihood=None)
    examples = {key: _example(values) for key, values in record.examples.items()}
    return replace(
        record, likelihood=None, lift=lift if lift and lift.texts else None, examples=examples
    )


def _example(values: ExampleValues) -> ExampleValues:
    lift = values.lift and replace(values.lift, likelihood=None)
    return replace(values, likelihood=None, lift=lift)
