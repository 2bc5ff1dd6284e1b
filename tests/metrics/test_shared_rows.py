"""Rows that cores compute together: the same as one metric after the other in one process."""

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics import metric, shared_rows
from harness.metrics.base import MeanMetric
from harness.metrics.bleu import Bleu
from harness.metrics.shared_rows import SharedRows
from harness.pipeline.evaluate.texts import score_texts
from harness.settings import EvalSettings
from harness.types import Example, Reference, SplitData
from tests.support.texts import pairs

LINE = "the cat sat on a mat , and then it ran away from the dog of the house ."
WORDS = LINE.split()
TEXTS = [" ".join(WORDS[at % 7 : at % 7 + 3 + at]) for at in range(11)]
PAIRS = pairs(TEXTS, [*TEXTS[1:], TEXTS[0]])


@pytest.fixture(autouse=True)
def many(monkeypatch):
    """A few pairs are many."""
    monkeypatch.setattr(shared_rows, "MANY", 2)
    monkeypatch.setattr(shared_rows, "TOGETHER", 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def cores(monkeypatch, count):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(count)))


@pytest.mark.parametrize("count", [1, 2])
def test_a_record_is_the_same_to_the_last_digit(count, monkeypatch):
    profile = ({"title": TEXTS[10], "text": TEXTS[9]},)
    examples = tuple(Example(f"e{at}", f"u{at}", "t", "", profile) for at in range(len(TEXTS)))
    references = {
        one.id: Reference(one.id, one.user_id, text)
        for one, text in zip(examples, TEXTS[::-1], strict=True)
    }
    test = SplitData("t", "test", examples, references, "print")
    samples = [{f"e{at}": text for at, text in enumerate(some)} for some in (TEXTS, TEXTS[::2])]
    options = EvalSettings(slices=(0, 4, 40), resamples=100)
    cores(monkeypatch, count)
    together = score_texts(test, samples, options)
    monkeypatch.setattr(shared_rows, "MANY", 1000)
    assert together == score_texts(test, samples, options)


class Counting(MeanMetric):
    name = "counting"
    by_pair = True
    count = 0
    """Pairs that this process has scored."""

    def score(self, pair):
        self.count += 1
        return 1.0


class Inheriting(Counting):
    pass


def test_only_classes_that_say_so_take_part(monkeypatch):
    cores(monkeypatch, 2)
    own, inherited, bleu = Counting(), Inheriting(), Bleu()
    rows = SharedRows([(own, PAIRS), (inherited, PAIRS), (bleu, PAIRS)])
    assert own.count == 2  # the first part; other processes have computed the rest
    assert inherited.count == 0
    assert rows(own, PAIRS).tolist() == [[1, 1]] * len(PAIRS)
    assert own.count == 2
    assert rows(own, PAIRS[:2]).tolist() == [[1, 1]] * 2
    assert rows(inherited, PAIRS).tolist() == [[1, 1]] * len(PAIRS)
    assert (own.count, inherited.count) == (4, len(PAIRS))
    assert np.array_equal(rows(bleu, PAIRS), bleu.rows(PAIRS))


def test_few_pairs_are_left_to_the_metric(monkeypatch):
    cores(monkeypatch, 2)
    monkeypatch.setattr(shared_rows, "MANY", len(PAIRS) + 1)
    own = Counting()
    SharedRows([(own, PAIRS)])
    assert own.count == 0


class Failing(MeanMetric):
    name = "failing"
    by_pair = True

    def score(self, pair):
        raise ZeroDivisionError(pair.prediction)


def test_an_error_is_raised_where_the_rows_are_needed(monkeypatch):
    cores(monkeypatch, 2)
    rouge = metric("rouge1")
    rows = SharedRows([(Failing(), PAIRS), (rouge, PAIRS)])
    assert np.array_equal(rows(rouge, PAIRS), rouge.rows(PAIRS))
    with pytest.raises(ZeroDivisionError, match=TEXTS[0]):
        rows(Failing(), PAIRS)
