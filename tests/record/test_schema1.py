"""Records of schema 1, as runs left them (examples and curves cut short), in today's form."""

import json
from pathlib import Path

import pytest

from harness.record import SCHEMA_VERSION, read_record, write_record

ROOT = Path(__file__).resolve().parents[2]
OLD = sorted((Path(__file__).parent / "schema1").glob("*.json"))
PUBLISHED = sorted((ROOT / "results" / "published").rglob("record.json"))


def test_every_method_and_view_is_among_the_old_records():
    records = [read_record(path) for path in OLD]
    assert {record.method for record in records} == {
        "nonpers", "rag", "cot", "coconut", "flythinker"
    }  # fmt: skip
    for view in ("likelihood", "breakdowns", "lift", "forced", "authors", "controls", "training"):
        assert any(getattr(record, view) for record in records), view


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_old_records_load_with_the_values_that_they_had(path, tmp_path):
    record, old = read_record(path), json.loads(path.read_text())
    assert record.schema_version == SCHEMA_VERSION
    assert record.n.planned == old["n"]["planned"] > 0
    for name, score in old["metrics"].items():
        found = record.metrics[name]
        assert (found.value, found.low, found.high) == tuple(
            score[end] for end in ("value", "low", "high")
        )
        assert [one.start for one in record.slices[name]] == [0, 100, 200, 300]
    assert record.likelihood.slices[1].value == old["likelihood"]["slices"][1]["value"]
    assert (
        record.authors.function_words.mrr.ceiling
        == (old["authors"]["function words"]["mrr"]["ceiling"])
    )
    for key, values in old["examples"].items():
        found = record.examples[key]
        assert found.user == values["user"]
        assert found.scores["bleu"] == values["bleu"]
        assert ("following" in found.scores) == ("following" in values)
        assert "nll" not in found.scores
        assert found.likelihood.mean == pytest.approx(values["nll"])
        assert list(found.base_nll) == values["untrained_nll_slices"]
        assert found.authors.function_words.top1 == values["authors"]["function words"]["top1"]
    assert read_record(write_record(record, tmp_path)) == record


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: "/".join(path.parts[-5:-1]))
def test_published_records_load(path):
    assert read_record(path).n.planned > 0
