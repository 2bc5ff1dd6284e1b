"""A corpus metric and a lower-is-better one, each one class: every view knows them at once.

They come as a package's entry points would; nothing else refers to them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import numpy as np
import pytest
from sacrebleu.metrics.chrf import CHRF

from harness import registry
from harness.errors import UsageError
from harness.metrics import metric
from harness.metrics.base import MeanMetric, Metric, Pair, Unavailable
from harness.metrics.lift import lift
from harness.metrics.scoring import scored
from harness.pipeline.evaluate.texts import score_texts
from harness.record import read_record, write_record
from harness.reports.compared.contrasts import contrast_all, judge_family
from harness.reports.compared.facts import facts_of
from harness.reports.compared.measures import measures_of
from harness.reports.compared.verdicts import compare_boards
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked
from harness.settings import EvalSettings
from harness.statistics import Array
from harness.types import Example, Reference, SplitData
from tests.support.synthetic import made_up
from tests.support.texts import pairs, panel


class Chrf(Metric):
    """chrF by sacrebleu: n-gram counts of characters add up. Popović 2015."""

    name = "chrf"
    title = "chrF"

    @property
    def signature(self) -> str:
        return str(CHRF(references=[[""]]).get_signature())

    def rows(self, pairs: Sequence[Pair]) -> Array:
        library = CHRF()
        counts = [
            library._extract_corpus_statistics([pair.prediction], [[pair.reference]])[0]
            for pair in pairs
        ]
        return np.array(counts, dtype=np.float64)

    def value(self, sums: Array) -> Array:
        library, flat = CHRF(), sums.reshape(-1, sums.shape[-1])
        values = [library._compute_f_score([int(one) for one in row]) for row in flat]
        return np.array(values).reshape(sums.shape[:-1])


class WordError(Metric):
    """Share of the reference's words that must be edited; lower is better. Rows: edits, words."""

    name = "wer"
    title = "word error"
    unit = "% of words"
    better = "lower"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        return np.array([self._edits(pair.prediction.split(), pair.reference.split())
                         for pair in pairs], dtype=np.float64)  # fmt: skip

    def value(self, sums: Array) -> Array:
        return np.asarray(100 * sums[..., 0] / np.maximum(sums[..., 1], 1))

    def absent(self, rows: Array) -> Array:
        return np.stack([rows[..., 1], rows[..., 1]], axis=-1)

    def _edits(self, written: list[str], wanted: list[str]) -> tuple[int, int]:
        row = list(range(len(wanted) + 1))
        for word in written:
            last, row[0] = row[0], row[0] + 1
            for at, other in enumerate(wanted, 1):
                last, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, last + (word != other))
        return row[-1], len(wanted)


class Length(MeanMetric):
    """Words of a text: a mean is one function."""

    name = "words"
    unit = "words"

    def score(self, pair: Pair) -> float:
        return float(len(pair.prediction.split()))


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    known = dict(registry.table("metric"))
    for own in (Chrf, WordError, Length):
        target = f"{__name__}:{own.__name__}"
        known[own.name] = registry.Entry(own.name, target, "a package")
    before = registry.table
    monkeypatch.setattr(
        "harness.registry.table", lambda kind: known if kind == "metric" else before(kind)
    )
    monkeypatch.setattr("harness.metrics.table", lambda kind: known)


WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "dogs", "run", "far", "off", "into"]
NAMES = ("chrf", "wer", "words")
OPTIONS = EvalSettings(metrics=NAMES, slices=(0, 4), resamples=200)


def split(count: int = 24) -> SplitData:
    rng = np.random.default_rng(0)
    examples = tuple(Example(f"e{at}", f"u{at}", "product_review", "x", ()) for at in range(count))
    references = {
        one.id: Reference(one.id, one.user_id, " ".join(rng.choice(WORDS, 8))) for one in examples
    }
    return SplitData("product_review", "test", examples, references, "f" * 64)


def outputs(test: SplitData, kept: int) -> dict[str, str]:
    """The first words of every reference, then others."""
    return {
        key: " ".join([*one.text.split()[:kept], *WORDS[: 8 - kept]])
        for key, one in test.references.items()
    }


@pytest.fixture
def board(tmp_path):
    """Two runs, scored as a run scores: sft keeps two words of each reference, cot six."""
    test = split()
    for method, kept in (("sft", 2), ("cot", 6)):
        found = score_texts(test, [outputs(test, kept)], OPTIONS)
        record = dataclasses.replace(
            made_up("product_review", method, examples=24),
            metrics=found.metrics,
            slices=found.slices,
            examples=found.examples,
            likelihood=None,
        )
        write_record(record, tmp_path / method)
        assert read_record(tmp_path / method).examples == record.examples
    (found,), _ = load_boards([tmp_path])
    return checked(found, allow_different=False)


def test_corpus_chrf_is_sacrebleus_with_its_interval(board):
    test = split()
    texts, references = (
        list(outputs(test, 6).values()),
        [one.text for one in test.references.values()],
    )
    expected = CHRF().corpus_score(texts, [references]).score
    record = next(one.record for one in board.systems if one.name == "cot")
    score = record.metrics["chrf"]
    assert score.value == pytest.approx(expected)
    assert score.low < score.value < score.high
    assert score.value != pytest.approx(
        np.mean([one.scores["chrf"] for one in record.examples.values()])
    )
    # by slice: the first four words are the reference's, two of the last four
    first, second = record.slices["chrf"]
    assert first.value == pytest.approx(100)
    assert second.value < 100


def test_word_error_by_hand_with_its_slices(board):
    texts = pairs(["a b c d", "a x"], ["a b c d", "a b c d"])
    found = scored(WordError(), [texts], panel("uv")).score
    assert found.each == (0, 75)  # one word of four is right
    assert found.value == 37.5  # 3 edits of 8 words
    record = next(one.record for one in board.systems if one.name == "cot")
    assert [one.value == 0 for one in record.slices["wer"]] == [True, False]


@pytest.mark.parametrize(("name", "better"), [("chrf", "higher"), ("wer", "lower")])
def test_it_is_compared_with_interval_test_and_letters(board, name, better):
    measure = next(one for one in measures_of(board) if one.name == name)
    (found,) = judge_family([contrast_all(measure, board)])
    assert found.order == ["cot", "sft"]  # six words kept beat two, whichever way is better
    assert found.letters == {"cot": "a", "sft": "b"}
    pair = found.between("cot", "sft")
    assert pair.verdict == better
    assert measure.favours_first(pair.difference)
    assert pair.low < pair.difference < pair.high
    assert 0 < pair.p_holm < 0.05
    assert (pair.low > 0) == (better == "higher")


def test_the_report_has_every_metric_with_its_direction(board):
    facts = facts_of(compare_boards([board]), [])
    measures = facts["boards"][0]["measures"]
    assert facts["main"] == "chrf"
    assert {name: one["lower_is_better"] for name, one in measures.items()} == {
        "chrf": False, "wer": True, "words": False
    }  # fmt: skip
    assert measures["wer"]["title"] == "word error"
    json.dumps(facts, allow_nan=False)


def test_lift_is_above_0_where_the_own_profile_helps_in_either_direction():
    test = split()
    good, bad = (
        [Pair(text, test.references[one.id].text, one)
         for one, text in zip(test.examples, outputs(test, kept).values(), strict=True)]
        for kept in (6, 2)
    )  # fmt: skip
    for own in (Chrf(), WordError()):
        users = panel([one.user_id for one in test.examples])
        mine, other = (scored(own, [some], users).score for some in (good, bad))
        found = lift(mine, [other], other, users, own.better)
        assert found.own_other.value > 0
        assert found.own_other.low > 0


def test_samples_are_averaged_and_an_absent_text_counts_as_the_metric_says():
    texts = [pairs(["a b c d"], ["a b c d"]), pairs(["x"], ["a b c d"])]
    assert scored(WordError(), texts, panel("u")).score.value == 50  # 0 and 100
    row = WordError().rows(texts[0])
    assert WordError().value(WordError().absent(row)[0]) == 100
    assert Chrf().absent(Chrf().rows(texts[0])) is None  # nothing is known of it


def test_a_plugin_that_is_not_a_metric_is_refused(monkeypatch):
    entry = registry.Entry("old", f"{__name__}:split", "a package")
    monkeypatch.setattr("harness.registry.table", lambda kind: {"old": entry})
    with pytest.raises(UsageError, match=r"'old': found function .*expected a class that derives"):
        metric("old")


class Broken(Metric):
    """Gives one row for two pairs."""

    name = "broken"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        if not pairs[0].prediction:
            raise Unavailable("no words; write some")
        return np.ones((1, 2))


class Words(MeanMetric):
    name, unit = "words", "%"

    def score(self, pair: Pair) -> float | None:
        return 50.0 * len(pair.prediction.split())


def test_a_value_outside_the_range_of_its_unit_is_refused():
    # its interval would be cut at 100, below the value
    found = scored(Words(), [pairs(["a b", "a b c"], ["a", "b"])], panel("uv")).score
    assert found.value is None
    assert "metric words: 150 for example" in (found.missing or "")
    assert "expected 0 to 100, which its unit '%' means" in (found.missing or "")
    assert scored(Words(), [pairs(["a b", "a"], ["a", "b"])], panel("uv")).score.value == 75


class Longer(Metric):
    """Words of all texts over those of the references."""

    name, unit = "longer", "%"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        return np.array(
            [[len(p.prediction.split()), len(p.reference.split())] for p in pairs], float
        )

    def value(self, sums: Array) -> Array:
        return 100 * sums[..., 0] / sums[..., 1]


def test_one_text_outside_the_range_is_no_fault_of_a_metric_of_all_texts():
    found = scored(Longer(), [pairs(["a b c", "a"], ["a", "b c d e"])], panel("uv")).score
    assert (found.value, found.each) == (80, (300, 25))
    found = scored(Longer(), [pairs(["a b c", "a"], ["a", "b"])], panel("uv")).score
    assert "metric longer: 200 for all texts" in (found.missing or "")


def test_wrong_rows_and_a_reason_cost_the_metric_its_value():
    found = scored(Broken(), [pairs(["a", "b"], ["a", "b"])], panel("uv")).score
    assert (found.value, found.each) == (None, (None, None))
    assert "broken: rows of shape (1, 2), not all of them finite; expected [2, K]" in found.missing
    assert __file__ in found.missing
    found = scored(Broken(), [pairs(["", "b"], ["a", "b"])], panel("uv")).score
    assert (found.value, found.each, found.missing) == (
        None, (None, None), "no words; write some"
    )  # fmt: skip
