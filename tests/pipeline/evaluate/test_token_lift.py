"""tokens.parquet: its sums are the record's numbers, and it survives stops, loss and damage."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import DataError
from harness.metrics.slices import slice_of
from harness.pipeline.evaluate import kept_values
from harness.pipeline.evaluate.kept_values import VALUES
from harness.pipeline.evaluate.token_lift import unlike_record
from harness.record import RECORD, append_lines, read_record, write_record
from harness.record.token_file import TOKENS, read_tokens
from tests.support.runs import StopNowError, go

ASKED = ('eval.lift=["likelihood"]', "eval.donors=2", "eval.slices=[0,8,16]", "data.limit=4")


@pytest.fixture(scope="module")
def done(tmp_path_factory, reviews, backbone):
    return go(tmp_path_factory.mktemp("tokens"), reviews, backbone, "sft", *ASKED)


def test_the_tokens_of_a_text_add_up_to_the_records_numbers(done):
    values = read_tokens(done.folder, done.record)
    starts = done.record.slice_starts
    slices = np.array([slice_of(word, starts) for word in values.slice_token])
    names = list(done.record.lift.likelihood["random"])[1:]
    assert set(values.examples) == set(done.record.examples)
    for row, key in enumerate(values.examples):
        known = done.record.examples[key]
        of_text = values.example == row
        assert values.position[of_text].tolist() == list(range(of_text.sum()))
        for index, name in enumerate(names):
            here = of_text & (slices == index)
            tokens = known.likelihood.slice_tokens[index]
            # this column is what the likelihood view sums, in single precision already
            assert values.column("nll_own")[here].sum() == pytest.approx(
                known.likelihood.nll[index], abs=1e-9
            )
            assert here.sum() == known.likelihood.model_tokens[index]
            for kind, column in (("random", "other"), ("topic", "topic"), ("empty", "empty")):
                gain = (values.column(f"nll_{column}") - values.column("nll_own"))[here].sum()
                expected = known.lift.likelihood[kind][name]
                assert (expected is None) == (tokens == 0)
                if tokens:
                    assert gain / tokens == pytest.approx(expected, abs=1e-6)


def test_a_changed_file_is_refused_by_name_and_an_absent_one_is_no_fault(done, tmp_path):
    (tmp_path / TOKENS).write_bytes((done.folder / TOKENS).read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match=rf"{TOKENS}: other content than the record's\n"):
        read_tokens(tmp_path, done.record)
    assert read_tokens(tmp_path / "nowhere", done.record) is None
    assert read_tokens(done.folder, replace(done.record, lift=None)) is None


@pytest.mark.parametrize("lost", ["file", "damaged", "older record"])
def test_a_repeated_command_makes_a_lost_file_again_and_changes_no_number(
    done, reviews, backbone, lost
):
    root = done.folder.parents[3]
    before = json.loads((done.folder / RECORD).read_text())
    whole = (done.folder / TOKENS).read_bytes()
    if lost == "damaged":
        (done.folder / TOKENS).write_bytes(b"PAR1")
    else:
        (done.folder / TOKENS).unlink()
    if lost == "older record":
        record = read_record(done.folder)
        write_record(replace(record, lift=replace(record.lift, tokens=None)), done.folder)
    again = go(root, reviews, backbone, "sft", *ASKED)
    assert again.repeated
    assert (done.folder / TOKENS).read_bytes() == whole
    assert json.loads((done.folder / RECORD).read_text()) == before


def test_tokens_of_another_model_are_not_put_beside_a_record(done):
    values = read_tokens(done.folder, done.record)
    assert unlike_record(values, done.record) is None
    other = replace(values, nll=values.nll + np.float32([0.1, 0, 0, 0]))
    assert "as in the record" in unlike_record(other, done.record)


def test_a_stopped_run_leaves_the_same_file(done, tmp_path, reviews, backbone, monkeypatch):
    appended = []

    def stopping(path, values, **options):
        appended.append(path)
        if len(appended) == 6:
            raise StopNowError
        append_lines(path, values, **options)

    monkeypatch.setattr(kept_values, "append_lines", stopping)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, backbone, "sft", *ASKED)
    assert next(tmp_path.rglob(VALUES)).is_file()
    assert not list(tmp_path.rglob(TOKENS))
    resumed = go(tmp_path, reviews, backbone, "sft", *ASKED)
    assert (resumed.folder / TOKENS).read_bytes() == (done.folder / TOKENS).read_bytes()
    assert resumed.record.lift == done.record.lift


def test_one_user_has_tokens_without_donors(tmp_path, reviews, backbone):
    out = go(tmp_path, reviews, backbone, "rag", 'eval.lift=["likelihood"]', "data.limit=2")
    values = read_tokens(out.folder, out.record)
    assert np.isnan(values.column("nll_other")).all()
    assert np.isnan(values.column("nll_topic")).all()
    assert np.isfinite(values.column("nll_own")).all()
    assert np.isfinite(values.column("nll_empty")).all()
    lift = go(tmp_path, reviews, backbone, "rag", 'eval.lift=["texts"]', "data.limit=2").record.lift
    assert lift.tokens is None
