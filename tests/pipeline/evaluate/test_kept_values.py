"""An interrupted evaluation continues at the batch where it stopped, with the same numbers."""

import json

import pytest

from harness.pipeline.evaluate import kept_values
from harness.pipeline.evaluate.kept_values import VALUES, KeptValues
from harness.record import append_lines
from tests.support.runs import StopNowError, go, texts, without_times

VIEWS = (
    'eval.lift=["likelihood","texts"]', "eval.donors=1", "eval.forced=true",
    'eval.controls=["zero"]', "eval.slices=[0,8,16]", "data.limit=4",
)  # fmt: skip


@pytest.mark.parametrize("share", [pytest.param(0.2, marks=pytest.mark.slow), 0.8])
def test_an_evaluation_stopped_in_any_view_ends_as_an_uninterrupted_one(
    tmp_path, reviews, backbone, monkeypatch, share
):
    appended, stop_at = [], [10_000]

    def counted(path, values, **options):
        appended.append(path)
        if len(appended) > stop_at[0]:
            raise StopNowError
        append_lines(path, values, **options)

    monkeypatch.setattr(kept_values, "append_lines", counted)
    whole = go(tmp_path / "whole", reviews, backbone, "flythinker", *VIEWS)
    batches = len(appended)
    appended.clear()
    stop_at[0] = round(share * batches)
    with pytest.raises(StopNowError):
        go(tmp_path / "cut", reviews, backbone, "flythinker", *VIEWS)
    (kept,) = (tmp_path / "cut").rglob(VALUES)
    assert len(kept.read_text().splitlines()) == stop_at[0]
    stop_at[0] = 10_000
    appended.clear()
    resumed = go(tmp_path / "cut", reviews, backbone, "flythinker", *VIEWS)
    assert len(appended) == batches - round(share * batches)
    assert texts(resumed) == texts(whole)
    found, known = (
        without_times(json.loads((o.folder / "record.json").read_text())) for o in (resumed, whole)
    )
    assert found == known
    assert not kept.exists()


def test_values_are_kept_by_all_that_they_depend_on(tmp_path):
    said = []

    def value(common, items, new):
        return KeptValues(tmp_path / "v.jsonl", common, said.append).batch(items, lambda: new)

    assert value("a", ["x", 1], [1.5]) == [1.5]
    assert value("a", ["x", 1], [2.5]) == [1.5]
    assert value("b", ["x", 1], [3.5]) == [3.5]
    assert value("a", ["x", 2], [4.5]) == [4.5]
    assert value("a", ["x", 3], [float("inf")]) == [float("inf")]
    assert value("a", ["x", 3], [0.0]) == [0.0]
    path = tmp_path / "v.jsonl"
    path.write_text(path.read_text().replace("1.5", "1.6"))
    assert value("a", ["x", 1], [9.5]) == [9.5]
    assert len(said) == 1
    assert KeptValues().batch([], lambda: [7]) == [7]
