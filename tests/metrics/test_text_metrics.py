"""BLEU, ROUGE and METEOR: worked out by hand, and equal to the libraries on real text."""

from __future__ import annotations

import sys
from subprocess import run
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from harness.errors import UsageError
from harness.metrics.base import Pair
from harness.metrics.bleu import Bleu
from harness.metrics.rouge import Rouge1, _splitter
from harness.settings import EvalSettings
from tests.support.texts import real_pairs, score
from tests.support.texts import rows as rows_of_texts

ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
ROUGE_TABLE = [  # prediction, reference, rouge1, rouge2, rougeL, rougeLsum; 2PR/(P+R) by hand
    ("the cat sat", "the cat sat on the mat", 66.67, 57.14, 66.67, 66.67),  # 3/3 3/6|2/2 2/5|LCS 3
    ("mat the on", "the cat sat on the mat", 66.67, 0.0, 44.44, 44.44),  # LCS "the mat": 2/3 2/6
    ("", "the cat sat", 0.0, 0.0, 0.0, 0.0),  # a score, not a gap
    ("the cat sat", "", 0.0, 0.0, 0.0, 0.0),
    # lines swapped: LCS of the whole "a b" or "c d" = 2/4; by line both are found = 4/4
    ("c d\na b", "a b\nc d", 100.0, 66.67, 50.0, 100.0),  # bigrams cd ab + da | ab cd + bc: 2/3
]
BLEU_TABLE = [  # prediction, reference, sentence BLEU with effective order
    # p = 3/3 2/2 1/1, no 4-gram: order 3; brevity exp(1 − 6/3) = .3679
    ("the cat sat", "the cat sat on the mat", 36.79),
    # p = 4/4 3/3 2/2 1/1, brevity exp(1 − 6/4) = .6065
    ("the cat sat on", "the cat sat on the mat", 60.65),
    # p = 3/4 1/3 (1/2)/2 (1/4)/1 smoothed; (.75·.3333·.25·.25)^¼ = .3536; no brevity
    ("the cat a sat", "the cat sat on", 35.36),
    ("", "the cat sat", 0.0),
    ("dog", "cat", 0.0),
]


@pytest.mark.parametrize(("prediction", "reference", "one", "two", "lcs", "lines"), ROUGE_TABLE)
def test_rouge_by_hand(prediction, reference, one, two, lcs, lines):
    for name, expected in zip(ROUGES, (one, two, lcs, lines), strict=True):
        assert score(name, [prediction], [reference]).value == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("prediction", "reference", "expected"), BLEU_TABLE)
def test_sentence_bleu_by_hand(prediction, reference, expected):
    assert score("bleu", [prediction], [reference]).each == pytest.approx((expected,), abs=0.005)


def test_corpus_bleu_sums_counts_before_it_divides():
    # matched / all: 7/7 5/5 3/3 1/1 → 1; length 7 of 12: brevity exp(1 − 12/7) = .4895
    found = score("bleu", ["the cat sat", "the cat sat on"], ["the cat sat on the mat"] * 2)
    assert found.value == pytest.approx(48.95, abs=0.005)
    assert found.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        # 3 matches, P 1, R ½: F = .5/(.9·1 + .1·.5) = .5263. NLTK pairs "the" with the last one:
        # 2 chunks, penalty .5·(2/3)³ = .1481
        ("the cat sat", "the cat sat on the mat", 44.83),
        # the same F, all in 1 chunk: penalty .5·(1/3)³ = .0185
        ("a cat sat", "a cat sat on the mat", 51.66),
        # "cats" by its stem, "auto" by WordNet: 3 of 3 in 1 chunk → 1 − .5/27
        ("the cats auto", "the cat car", 98.15),
        # NLTK asks WordNet for stems, and "automobil" is no word: 2 of 3 → F ⅔, 1 − .5/8
        ("the cats automobile", "the cat car", 62.5),
        # reversed: 3 chunks of 3 → F 1, penalty .5
        ("sat cat the", "the cat sat", 50.0),
        ("", "the cat sat", 0.0),
    ],
)
def test_meteor_by_hand(prediction, reference, expected):
    found = score("meteor", [prediction], [reference])
    assert found.each == pytest.approx((expected,), abs=0.005)
    assert "|wordnet:3.0|" in found.signature


def test_bleu_equals_sacrebleu_on_real_text():
    predictions, references = real_pairs()
    found = score("bleu", predictions, references)
    assert found.value == BLEU().corpus_score(predictions, [references]).score
    sentence = BLEU(effective_order=True)
    for value, text, reference in zip(found.each, predictions, references, strict=True):
        assert value == sentence.sentence_score(text, [reference]).score


@pytest.mark.parametrize("name", ROUGES)
def test_rouge_equals_rouge_score_on_real_text(name):
    predictions, references = real_pairs()
    found = score(name, predictions, references)
    scorer = RougeScorer(list(ROUGES), use_stemmer=False)
    pairs = list(zip(predictions, references, strict=True))[::4]
    expected = [100 * scorer.score(reference, text)[name].fmeasure for text, reference in pairs]
    assert found.each[::4] == pytest.approx(expected, abs=1e-12)
    assert found.value == pytest.approx(np.mean(found.each))


def test_corpus_bleu_of_any_subset_equals_sacrebleu():
    predictions, references = real_pairs()
    rows = rows_of_texts(Bleu(), predictions, references)
    rng = np.random.default_rng(0)
    subsets = [rng.integers(len(rows), size=size) for size in (1, 1, 2, 5, 50)]
    found = Bleu().value(np.stack([rows[subset].sum(axis=0) for subset in subsets]))
    for value, subset in zip(found, subsets, strict=True):
        texts = [predictions[at] for at in subset], [[references[at] for at in subset]]
        assert value == pytest.approx(BLEU().corpus_score(*texts).score, abs=1e-9)


words = st.lists(st.sampled_from(["a", "b", "the", "cat", ".", "\n", "Wörter"]), max_size=12)


@settings(max_examples=60)
@given(st.lists(st.tuples(words.map(" ".join), words.map(" ".join)), min_size=1, max_size=4))
def test_scores_stay_on_the_scale_and_bleu_formulas_agree(pairs):
    predictions, references = zip(*pairs, strict=True)
    for name in ("bleu", *ROUGES):
        found = score(name, predictions, references)
        assert len(found.each) == len(pairs)
        if found.value is None:
            assert found.unseen > 0.05
            continue
        assert all(-1e-9 <= value <= 100 + 1e-9 for value in (found.value, *found.each))
    total = rows_of_texts(Bleu(), predictions, references).sum(axis=0)
    assert score("bleu", predictions, references).value == pytest.approx(float(Bleu().value(total)))


@settings(max_examples=30)
@given(words.filter(lambda some: sum(word.isalpha() for word in some) >= 4).map(" ".join))
def test_a_text_against_itself_is_perfect_in_rouge1(text):
    words = EvalSettings(tokenizer="unicode")
    assert score("rouge1", [text], [text], words).value == pytest.approx(100)


@pytest.mark.parametrize("name", ["bleu", *ROUGES])
def test_nothing_to_average_is_null_with_a_reason(name):
    found = score(name, [], [])
    assert (found.value, found.each) == (None, ())
    assert found.missing == "nothing to average: no example was scored"


@pytest.mark.parametrize("name", ["bleu", *ROUGES, "meteor"])
def test_texts_without_a_reference_are_refused(name):
    with pytest.raises(ValueError, match="zip"):
        score(name, ["a", "b"], ["a"])


def test_an_unknown_metric_names_its_neighbour():
    with pytest.raises(UsageError, match=r"no metric 'rogue1'\. Did you mean 'rouge1'\?"):
        score("rogue1", [], [])


def test_naming_rouge_imports_nothing_before_the_first_text(monkeypatch):
    for module in ("rouge_score", "rouge_score.rouge_scorer", "rouge_score.tokenizers"):
        monkeypatch.setitem(sys.modules, module, None)  # importing it would be an error
    monkeypatch.setattr("harness.metrics.rouge._splitter", _splitter.__wrapped__)
    rouge = Rouge1()
    assert rouge.title == "ROUGE-1"
    with pytest.raises(ImportError):
        rouge.score(Pair("a", "a", None))


def test_importing_the_room_is_light():
    heavy = "{'nltk', 'sacrebleu', 'rouge_score', 'scipy', 'numpy', 'torch'}"
    code = f"import sys, harness.metrics; print(sorted({heavy} & set(sys.modules)))"
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@settings(max_examples=200)
@given(st.text("abc ", max_size=80), st.text("abc ", max_size=80))
def test_rouge_l_without_a_table_equals_rouge_score(one, other):
    # up to 80 words: more than a machine word has bits
    texts = [" ".join(text) for text in (one, other)]
    expected = RougeScorer(["rougeL"], use_stemmer=False).score(*texts)["rougeL"].fmeasure
    assert score("rougeL", texts[1:], texts[:1]).each == (100 * expected,)


LINES = st.text("ab c\nde\n. ", max_size=80)


@settings(max_examples=120)
@given(LINES, LINES)
def test_every_rouge_equals_rouge_score_to_the_last_digit(one, other):
    expected = RougeScorer(list(ROUGES), use_stemmer=False).score(one, other)
    for name in ROUGES:
        assert score(name, [other], [one]).each == (100 * expected[name].fmeasure,)


@settings(max_examples=200)
@given(LINES, LINES)
def test_counts_of_bleu_equal_sacrebleus(one, other):
    expected = BLEU(effective_order=True).sentence_score(one, [other])
    counts = [expected.sys_len, expected.ref_len, *expected.counts, *expected.totals]
    assert rows_of_texts(Bleu(), [one], [other]).tolist() == [counts]


def test_rouge_lsum_of_10_000_lines_takes_no_minutes():
    long = "\n".join(f"w{at % 50} {at}" for at in range(5_000))
    begin = process_time()
    found = score("rougeLsum", [long], ["\n".join(f"w{at} x{at}" for at in range(50))])
    assert process_time() - begin < 2  # rouge-score: a minute
    assert found.each[0] == pytest.approx(2 * 100 * (50 / 10_000) * 0.5 / (50 / 10_000 + 0.5))
