"""docs/trial.md says what the stored trials say; these hold numbers alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import trials as pages
from benchmarks.findings import NoLongerTrueError
from harness.record.reading import from_json
from harness.record.trials import Trial

STORED = sorted(pages.STORED.glob("*.json"))


def test_the_page_says_what_the_trials_say():
    assert pages.page() == pages.PAGE.read_text("utf-8"), "python -m benchmarks.trials"


def test_mini_and_the_three_sets_of_real_texts_are_stored():
    found = pages.trials()
    assert set(found) == {"mini", "product_review", "abstract_generation", "topic_writing"}
    assert len(STORED) == 4
    assert {each.seed for each in found.values()} == {0}


def test_every_figure_of_the_page_is_there():
    named = re.findall(r"\]\((pictures/trial_\w+\.svg)\)", pages.PAGE.read_text("utf-8"))
    assert len(named) == 4
    assert all((pages.PAGE.parent / name).is_file() for name in named)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_trial_holds_no_text_and_no_place(path):
    """Every text in it is a name, a signature or a meaning that the code gives."""
    trial = from_json(Trial, path.read_bytes(), str(path))
    assert trial.source in ("mini", "folder")
    assert "/" not in trial.task + trial.split + trial.setting
    texts = re.findall(r'"([^"]*)"', path.read_text("utf-8"))
    signatures = {one.signature for one in trial.metrics.values()}
    given = {trial.fingerprint, *trial.planted.values(), *signatures}
    assert all(len(text) <= 40 or text in given for text in texts)
    assert path.name == f"{trial.task}-{trial.split}-{trial.fingerprint[:12]}.json"


def test_a_sentence_that_no_longer_holds_cannot_be_written(monkeypatch):
    """METEOR that resists padding: the page's first sentence is no longer true."""
    found = pages.trials()
    trial = found["topic_writing"]
    meteor = trial.metrics["meteor"]
    number = replace(meteor.auc["padded_over_own"], value=40.0)
    changed = replace(meteor, auc={**meteor.auc, "padded_over_own": number})
    metrics = {**trial.metrics, "meteor": changed}
    found["topic_writing"] = replace(trial, metrics=metrics)
    monkeypatch.setattr(pages, "trials", lambda: found)
    with pytest.raises(NoLongerTrueError, match="by METEOR, padding wins nearly always"):
        pages.page()


@pytest.mark.slow
def test_the_trial_of_mini_made_again_is_the_stored_one(call, tmp_path):
    code, _, _ = call("trial", "--out", tmp_path)
    assert code == 0
    (made,) = tmp_path.glob("*.json")
    assert made.read_text("utf-8") == (pages.STORED / made.name).read_text("utf-8")
    assert Path(made).stem.startswith("product_review-test-")
