"""The packed synonyms of WordNet: by hand, and equal to NLTK's reader on every word."""

from __future__ import annotations

import lzma
import shutil
import warnings
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.corpus.reader.wordnet import WordNetCorpusReader
from nltk.translate.meteor_score import align_words, meteor_score

from benchmarks.pack_wordnet import DEBIAN, packed_text
from harness.metrics.meteor import SYNONYMS, Synonyms, aligned, meteor_tokens
from tests.support.texts import real_pairs, score

FILES = [f"{kind}.{part}" for kind in ("index", "data") for part in ("adj", "adv", "noun", "verb")]
EXCEPTIONS = ["adj.exc", "adv.exc", "noun.exc", "verb.exc"]
debian = pytest.mark.skipif(
    not (DEBIAN / "data.noun").is_file(), reason=f"Debian's wordnet-base is not in {DEBIAN}"
)


@cache
def synonyms() -> Synonyms:
    return Synonyms()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("geese", "bozo cuckoo fathead goof goofball goose jackass twat zany"),  # irregular: goose
        ("oxen", "cattle cows kine ox oxen"),  # a word of its own, and irregular: ox
        ("happier", "felicitous glad happy well-chosen"),  # by a rule: happy
        ("Paris", "Paris"),  # names keep their case; genus_Paris has two words
        ("united_states", "America US USA U.S. U.S.A."),  # found by two words
        ("qwxz", ""),
        ("", ""),
    ],
)
def test_synonyms_of_a_word(word, expected):
    found = synonyms().synsets(word)
    assert {lemma.name() for synset in found for lemma in synset.lemmas()} == {*expected.split()}


def test_the_licence_and_the_version_are_with_the_data():
    assert synonyms().version == "3.0"
    notice = (SYNONYMS.parent / "LICENSE").read_text("utf-8")
    assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in notice


ALIKE = ["car", "auto", "motorcar", "railcar", "gondola", "automobile", "cars"]
OTHERS = ["the", "The", "cats", "cat", "happier", "glad", "geese", "run", "running", ".", "qwxz"]
SENTENCES = st.lists(st.sampled_from(ALIKE + OTHERS), max_size=30).map(" ".join)


@settings(max_examples=200)
@given(SENTENCES, SENTENCES)
def test_meteor_equals_nltk_to_the_last_digit(text, reference):
    # to NLTK's meteor_score, the packed synonyms look like a reader of WordNet's files
    tokens = [meteor_tokens(reference)], meteor_tokens(text)
    expected = 100 * meteor_score(*tokens, wordnet=synonyms())
    assert score("meteor", [text], [reference]).each == (expected,)
    lowered = [[word.lower() for word in meteor_tokens(each)] for each in (text, reference)]
    assert aligned(*lowered) == align_words(*lowered, wordnet=synonyms())[0]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WordNetCorpusReader:
    """NLTK's reader of Debian's files, with the list of lexicographer files that they lack."""
    folder = tmp_path / "corpora" / "wordnet"
    folder.mkdir(parents=True)
    for name in [*FILES, *EXCEPTIONS]:
        shutil.copyfile(DEBIAN / name, folder / name)
    (folder / "lexnames").write_text("".join(f"{number:02d}\tany\t1\n" for number in range(45)))
    (folder / "index.sense").write_text("")
    (folder / "cntlist.rev").write_text("")
    monkeypatch.setattr("nltk.data.path", [str(tmp_path)])  # NLTK opens no file outside it
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The multilingual functions")
        return WordNetCorpusReader(str(folder), None)


@debian
@pytest.mark.slow
def test_every_word_has_the_synonyms_of_nltks_reader(reader: WordNetCorpusReader):
    words = set(reader.all_lemma_names())
    words |= {form for part in reader._exception_map.values() for form in part}
    endings = ("s", "es", "ies", "men", "ed", "ing", "er", "est")
    words |= {word + end for word in sorted(words)[::7] for end in endings}
    assert len(words) > 300_000
    for word in words:
        names = {name for synset in reader.synsets(word) for name in synset.lemma_names()}
        assert set(synonyms().synsets(word)) == {name for name in names if "_" not in name}, word


@debian
@pytest.mark.slow
def test_meteor_equals_nltk_with_its_reader_on_real_text(reader: WordNetCorpusReader):
    predictions, references = real_pairs()
    found = score("meteor", predictions, references)
    for value, text, reference in zip(found.each, predictions, references, strict=True):
        tokens = [meteor_tokens(reference)], meteor_tokens(text)
        assert value == 100 * meteor_score(*tokens, wordnet=reader)


@debian
@pytest.mark.slow
def test_the_packed_file_is_what_debians_files_give():
    assert lzma.decompress(SYNONYMS.read_bytes()).decode() == packed_text(DEBIAN)
