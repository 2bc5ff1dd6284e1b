"""Synthetic records with a known effect of each method, in the form that runs write."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.record import (
    PREDICTIONS,
    CodeInfo,
    Counts,
    DataInfo,
    DeviceInfo,
    ExampleValues,
    ModelInfo,
    Record,
    SliceNll,
    SplitInfo,
    append_lines,
    write_record,
)
from harness.reports.runs.boards import load_boards
from harness.reports.runs.systems import Board
from harness.settings import build_settings
from harness.types import Prediction
from tests.support.synthetic_parts import (
    EFFECTS,
    METHODS,
    METRICS,
    POSITIONS,
    TASKS,
    bleu_counts,
    following_of,
    inference_of,
    likelihood_of,
    metrics_of,
    slice_of,
    training_of,
)
from tests.support.synthetic_views import everything

WORDS = [
    "the",
    "this",
    "lamp",
    "is",
    "fine",
    "and",
    "bright",
    "I",
    "like",
    "it",
    "but",
    "not",
    "so",
    "much",
    "when",
    "it",
    "rains",
]


def write_runs(
    out: Path,
    methods: Sequence[str] = METHODS,
    tasks: Sequence[str] = TASKS,
    seeds: Sequence[int] = (0,),
    examples: int = 40,
    words: int = 60,
    following: bool = False,
    assignments: Mapping[str, Sequence[str]] | None = None,
    changes: Mapping[str, Any] | None = None,
    full: bool = False,
    effect: float | None = None,
) -> list[Path]:
    """Write one run for each method, task and seed below `out`.

    assignments: method → --set. full: with every view (see `everything`). changes: fields replaced
    in every record at the end. effect: replaces the methods' own effects.
    """
    folders = []
    for task in tasks:
        for method in methods:
            for seed in seeds:
                own = (assignments or {}).get(method, ())
                record = made_up(task, method, seed, examples, following, own, effect)
                record = everything(record) if full else record
                record = dataclasses.replace(record, **(changes or {}))
                folder = out / task / method / record.run_id
                write_record(record, folder)
                append_lines(folder / PREDICTIONS, texts(record, words))
                folders.append(folder)
    return folders


def made_up(
    task: str,
    method: str,
    seed: int = 0,
    examples: int = 40,
    following: bool = False,
    assignments: Sequence[str] = (),
    effect: float | None = None,
) -> Record:
    """One record. Examples differ from one another, methods by `EFFECTS`, seeds by little."""
    effect = EFFECTS.get(method, 5.0) if effect is None else effect
    settings = build_settings("mini", ["train.lr=0.001", *assignments],
                              {"task": task, "seed": seed})  # fmt: skip
    digest = hashlib.sha256(f"{method}{task}{assignments}".encode()).hexdigest()[:12]
    common = np.random.default_rng([examples, TASKS.index(task)])
    own = np.random.default_rng([seed, METHODS.index(method) if method in METHODS else 99])
    hard = common.normal(0, 4, examples)
    level = 20 + effect + hard + own.normal(0, 1) * 0.3
    noise = own.normal(0, 2, (examples, len(METRICS)))
    rows: dict[str, ExampleValues] = {}
    for at in range(examples):
        values = np.clip(level[at] + noise[at], 0, 100)
        counts = bleu_counts(values[0], own)
        nll = np.array([2.4, 2.2, 2.3, 2.5]) * 100 - 2 * effect + noise[at, 0]
        scores = dict(zip(METRICS, map(float, values), strict=True))
        rows[f"{task}-{at:04d}"] = ExampleValues(
            user=f"{at:012x}",
            scores={**scores, **({"following": float(values[1])} if following else {})},
            rows={"bleu": (counts,)},
            likelihood=SliceNll(
                nll=tuple(map(float, nll)),
                slice_tokens=(100, 100, 100, 80),
                model_tokens=(120, 120, 120, 96),
                positions=POSITIONS,
            ),
        )
    return Record(
        run_id=f"s{seed}-{digest}",
        method=method,
        task=task,
        status="complete",
        command=f"harness run --method {method} --task {task} --seed {seed}",
        started="2026-01-01T00:00:00+00:00",
        settings=settings.model_dump(mode="json"),
        seed=seed,
        code=CodeInfo(version="0.1.0", commit="0" * 40, clean=True),
        packages={"python": "3.11.7", "torch": "2.13.0"},
        device=DeviceInfo(device="cpu", dtype="float32", threads=2, processor="made up", cores=2,
                          system="Linux x86_64"),
        data=DataInfo(source="mini", setting="user", kind="mini", revision="seed 0", splits={
            "test": SplitInfo(fingerprint=hashlib.sha256(task.encode()).hexdigest(),
                              examples=examples, users=examples)}),
        backbone=ModelInfo(name="mini", fingerprint="f" * 16, method_parameters=1_000_000),
        n=Counts(planned=examples, scored=examples),
        phases={"training": 100.0, "writing": 20.0},
        training=None if method in ("nonpers", "rag") else training_of(method),
        inference=inference_of(method),
        metrics=metrics_of(rows),
        slices={name: tuple(slice_of(at, 20 - at) for at in range(4))
                for name in (*METRICS, *(["following"] if following else []))},
        likelihood=likelihood_of(rows),
        breakdowns={"following": following_of(rows)} if following else {},
        examples=rows,
    )  # fmt: skip


def texts(record: Record, words: int) -> list[Prediction]:
    """A text of made-up words for each example."""
    draw = np.random.default_rng([record.seed, len(record.method)])
    return [
        Prediction(key, key, " ".join(draw.choice(WORDS, words)), words, "f")
        for key in record.examples
    ]


def column(table, head):
    """What a reader sees in the column with this head, row by row."""
    at = [one.head for one in table.columns].index(head)
    return [str(row[at]) for row in table.shown()]


def board_of(*folders: Path) -> Board:
    """The board of the runs below folders, which are of one task."""
    (board,), _ = load_boards(folders)
    return board
