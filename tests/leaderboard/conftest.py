"""Boards to test with: made-up ones, and real rows of tiny runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.leaderboard.build import build
from harness.leaderboard.pack import submit
from harness.leaderboard.row import Words
from harness.pipeline.single import run
from harness.settings import build_settings
from tests.support.boards import add_row, make_board, rules, submission

SMALL = (
    "train.lr=1e-3", "train.epochs=1", "decode.max_new_tokens=24", "budget.profile=80",
    "eval.resamples=100", "eval.floors=false", "eval.likelihood=false",
    'eval.metrics=["bleu","rouge1"]',
    "eval.authors=false",
)  # fmt: skip


def tiny_run(results: Path, method: str, *assignments: str, **data: object) -> Path:
    """The folder of a complete run of the mini preset, made small."""
    options = {"data": data} if data else {}
    settings = build_settings("mini", [*SMALL, *assignments], options)
    return run(settings, method, results).folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory, reviews, backbone) -> dict[str, Path]:
    """Two runs on the made-up reviews and one on the built-in benchmark."""
    results = tmp_path_factory.mktemp("results")
    own = [f"model.backbone={backbone}"]
    return {
        "nonpers": tiny_run(results, "nonpers", *own, source=str(reviews)),
        "rag": tiny_run(results, "rag", *own, source=str(reviews)),
        "mini": tiny_run(results, "nonpers", limit=4),
    }


@pytest.fixture(scope="session")
def packed(tmp_path_factory, runs) -> Path:
    """A root with a board of texts on folder data (two rows) and one on mini (one row)."""
    root = tmp_path_factory.mktemp("packed")
    by = Words(by="Someone")
    submit(runs["mini"], root / "mini", by, open_board="texts")
    submit(runs["nonpers"], root / "folder", by, open_board="texts")
    submit(runs["rag"], root / "folder", by)
    return root


@pytest.fixture
def boards(packed, tmp_path) -> Path:
    """A copy of `packed` that a test may change."""
    return shutil.copytree(packed, tmp_path / "boards")


@pytest.fixture
def board(tmp_path) -> Path:
    """An empty made-up board of texts."""
    return make_board(tmp_path / "made", rules())


@pytest.fixture(scope="session")
def page(tmp_path_factory) -> Path:
    """A page of 60 made-up rows on a board of texts and 8 on one of numbers."""
    root = tmp_path_factory.mktemp("made")
    texts = make_board(root, rules())
    for number in range(60):
        status = "verified" if number % 5 else None
        add_row(texts, submission(rules(), number), status=status)
    test = rules(task="topic_writing", tier="smollm2", users=24)
    numbers = make_board(root, test, texts=False)
    for number in range(8):
        add_row(numbers, submission(test, number), texts=[], status="self-reported")
    out = tmp_path_factory.mktemp("page")
    assert build(root, out).left_out == ()
    return out / "index.html"
