"""Generation with rows that take each other's places: the same texts as in fixed batches."""

import pytest

from harness.engine import slots
from harness.record import read_predictions
from tests.support.runs import go


@pytest.mark.parametrize("method", ["rag", "flythinker"])
def test_texts_do_not_depend_on_slots(tmp_path, reviews, backbone, method, monkeypatch):
    options = ["decode.batch_size=2", "decode.max_new_tokens=20", "decode.temperature=1.0"]
    options += ["train.epochs=1", "train.lr=1e-3", "eval.likelihood=false"]
    options += ['decode.stop=["e"]']  # texts of many lengths
    known = go(tmp_path / "fixed", reviews, backbone, method, *options, "decode.step=transformers")
    joined, join = [], slots.Decoding._joined

    def counted(self, *both):
        joined.append(both)
        return join(self, *both)

    monkeypatch.setattr(slots.Decoding, "_joined", counted)
    found = go(
        tmp_path / "slots",
        reviews,
        backbone,
        method,
        *options,
        "decode.step=auto",
        "decode.slots=true",
    )
    assert found.record.inference.step.startswith("lean")
    assert joined
    texts = [
        {text.id: text.output for text in read_predictions(run.folder)} for run in (known, found)
    ]
    assert texts[0] == texts[1]
    times = found.record.inference
    assert times.batches_timed == known.record.inference.batches_timed
    assert times.examples_timed == len(texts[0])
