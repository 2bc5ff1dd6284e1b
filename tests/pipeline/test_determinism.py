"""How many texts change when they are generated in another way."""

import json

from harness.cli import doctor
from harness.pipeline import determinism
from harness.pipeline.determinism import Flips, flips
from harness.pipeline.generator import Generator
from harness.progress import Bars


def test_every_way_is_tried_and_the_same_again_changes_nothing(backbone):
    found = flips(str(backbone), Bars(quiet=True), examples=8, tokens=6)
    ways = [each.way.split(" instead")[0] for each in found]
    assert ways[:3] == [
        "the same again", "the model loaded again, second half of the batches", "batches of 1",
    ]  # fmt: skip
    assert ways[4:] == ["half of the examples", "number of threads 2"]
    assert [each.texts for each in found[:2] + found[4:]] == [8, 4, 4, 8]
    assert [(each.flipped, each.first) for each in found[:2]] == [(0, None)] * 2


def test_a_text_that_changes_is_counted_with_its_first_token(backbone, monkeypatch):
    real, calls = Generator.tokens, []

    def other(self, batch, sample):
        found = real(self, batch, sample)
        calls.append(1)
        if len(calls) > 1:
            found[0].ids[2] += 1
        return found

    monkeypatch.setattr(Generator, "tokens", other)
    again = flips(str(backbone), Bars(quiet=True), examples=2, tokens=6)[0]
    assert (again.flipped, again.first) == (1, 2)


def test_doctor_prints_the_shares(monkeypatch, capsys):
    found = [Flips("the same again", 16, 0, None), Flips("batches of 1", 16, 4, 7)]
    monkeypatch.setattr(determinism, "flips", lambda backbone, bars: found)
    doctor.doctor(determinism="mini")
    text = capsys.readouterr().out
    assert "25%" in text
    assert "8" in text
    doctor.doctor(determinism="mini", json_=True)
    assert json.loads(capsys.readouterr().out)[1] == {
        "way": "batches of 1", "texts": 16, "flipped": 4, "first": 7,
    }  # fmt: skip
