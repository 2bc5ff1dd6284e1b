"""Author identification on large data: the numbers of the slow libraries, from files made once."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest
from rank_bm25 import BM25Okapi
from sklearn.feature_extraction.text import TfidfVectorizer

from harness.data.tasks import PRODUCT_REVIEW
from harness.errors import DataError
from harness.metrics import author_index, donors
from harness.metrics.function_words import function_words, shares
from harness.metrics.ngrams import Coder
from harness.metrics.word_search import WordSearch
from harness.pipeline.evaluate.author_identification import author_identification
from harness.statistics import resampling_rng
from harness.types import Example, Reference, SplitData
from tests.support.authored import index_of

PIECES = ["the", "and", "don't", "o'neil's", "lamp", "Lampe", "naïve", "ß", "日本語", "😀", "K2",
          "it’s", "of", "a", "1984", "--", "(the)", "e\u0301", "x" * 9]  # fmt: skip
SPACES = [" ", " ", " ", "  ", "\n", "\n\n", " \t", "\u3000\u2003", "\x1c", ""]


def text(draw, words):
    return "".join(draw.choice(PIECES) + draw.choice(SPACES) for _ in range(words))


def texts(seed, count, words=40):
    draw = random.Random(seed)
    return [text(draw, draw.randrange(words)) for _ in range(count)]


def test_cosines_are_those_of_scikit_learn():
    users = {f"u{at}": words for at, words in enumerate([*texts(1, 12), "", "a", "ab", "ab"])}
    own = [*texts(2, 5), users["u3"]]  # other words of the same users, which give no weight
    index = index_of(users, own)
    names = list(dict.fromkeys([*users.values(), *own]))
    asked = [*texts(3, 8), "", "z", "日本", *own]
    draw = random.Random(4)
    rows = [draw.sample(range(len(names)), 5) for _ in asked]
    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=(2, 4), lowercase=False, sublinear_tf=True
    )
    vectorizer.fit([words or " " for words in users.values()])
    known, vectors = vectorizer.transform(names), vectorizer.transform(asked)
    expected = [
        (known[row] @ vectors[[at]].T).toarray()[:, 0].tolist() for at, row in enumerate(rows)
    ]
    assert index.ngrams.cosines(asked, rows) == expected  # to the last bit


def test_texts_are_compared_in_parts_without_changing_a_number(monkeypatch):
    index = index_of(dict(enumerate(texts(1, 9))), [])
    asked, rows = texts(2, 7), [[at, 8 - at] for at in range(7)]
    whole = index.ngrams.cosines(asked, rows)
    monkeypatch.setattr("harness.metrics.ngrams.TOGETHER", 2)
    monkeypatch.setattr("harness.metrics.ngrams.MERGED", 3)
    assert index_of(dict(enumerate(texts(1, 9))), []).ngrams.cosines(asked, rows) == whole


def test_shares_are_those_of_the_words_found_one_by_one():
    for words in [*texts(1, 30), "", "İ Kelvin K’s 'tis rock'n'roll a'b'c"]:
        found = re.findall(r"[a-z]+(?:'[a-z]+)?", words.lower().replace("’", "'"))
        counts = Counter(found)
        expected = [counts[word] / max(len(found), 1) for word in function_words()]
        assert shares(words).tolist() == expected


def test_an_alphabet_beyond_64_bits_is_refused():
    with pytest.raises(DataError, match="65535 different characters in the profiles; expected"):
        Coder(np.arange(65535, dtype=np.uint32))
    Coder(np.arange(65534, dtype=np.uint32))


def split(seed=0, users=14):
    """Reviews of users, the first of whom has two examples with other profiles."""
    draw = random.Random(seed)

    def profile():
        kinds = ("overall", "description", "summary", "reviewText")
        return tuple({kind: text(draw, 6) for kind in kinds} for _ in range(draw.randrange(4)))

    names = ["u0", *(f"u{at}" for at in range(users))]
    examples = tuple(
        Example(f"{at}", user, "product_review", text(draw, 5), profile())
        for at, user in enumerate(names)
    )
    references = {one.id: Reference(one.id, one.user_id, text(draw, 9)) for one in examples}
    return SplitData("product_review", "test", examples, references, f"print {seed}")


def slow_donors(examples, fingerprint, count):
    """The donors by rank_bm25, with every query against every document of users with entries."""
    profiles = {example.user_id: example.profile for example in examples}
    users = [user for user, profile in profiles.items() if profile]
    order = resampling_rng(f"donors {fingerprint}").permutation(len(users))
    users = [users[at] for at in order]
    retrieved = [" ".join(map(PRODUCT_REVIEW.retrieved, profiles[user])) for user in users]
    index = BM25Okapi([words.lower().split() for words in retrieved])
    chosen, tied = [], 0
    for example in examples:
        scores = index.get_scores(example.input.lower().split())
        ranked = [at for at in np.argsort(-scores, kind="stable") if users[at] != example.user_id]
        chosen.append([users[at] for at in ranked[:count]])
        tied += len(ranked) > count and scores[ranked[0]] == scores[ranked[-1]]
    return donors.Donors(chosen, tied)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [3, 13])
def test_donors_are_those_of_rank_bm25(seed, count):
    test = split(seed)
    expected = slow_donors(test.examples, "print", count)
    pool = donors.Pool(test.examples, PRODUCT_REVIEW, test.targets, "print")
    found = donors.topic_donors(pool, count)
    assert found == expected


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_rank_bm25_with_empty_documents_too(seed):
    draw = random.Random(seed)
    documents = [" ".join(draw.choices("abcdefgh", k=draw.randrange(12))) for _ in range(7)]
    query = draw.choices("abcdefgh", k=4)
    found = WordSearch([*documents, ""], set(query)).scores(query)
    expected = BM25Okapi([words.split() for words in [*documents, ""]]).get_scores(query)
    assert found.tolist() == expected.tolist()  # to the last bit


@pytest.mark.parametrize("documents", [[], ["", " "]])
def test_documents_without_a_word_score_0(documents):
    found = WordSearch(documents, {"a"}).scores(["a"])
    assert found.tolist() == [0.0] * len(documents)


def test_large_data_are_indexed_once_and_give_the_same_numbers(monkeypatch, tmp_path, caplog):
    test = split()
    samples = [dict(zip((one.id for one in test.examples), texts(5, 15), strict=True))]
    expected = author_identification(test, samples, 100)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    for module in (author_index, donors):
        monkeypatch.setattr(module, "LARGE", 0)
    assert author_identification(test, samples, 100) == expected
    kinds = {path.name for path in (tmp_path / "prepared").iterdir()}
    assert kinds == {"authors", "donors"}
    # nothing is made a second time
    with monkeypatch.context() as patch:
        for place in ("author_index.write_index", "author_index.shares", "donors._topic_donors"):
            patch.delattr(f"harness.metrics.{place}")
        assert author_identification(test, samples, 100) == expected
    # other data, another place in the cache; a damaged file is made again
    assert author_identification(split(1), samples, 100) != expected
    assert len(list((tmp_path / "prepared" / "authors").glob("[!.]*"))) == 2
    for path in tmp_path.rglob("counts"):
        path.write_bytes(bytes(path.stat().st_size))
    assert author_identification(test, samples, 100) == expected
    assert "its files are not what was written" in caplog.text
