"""Letters that a metric's tokenizer does not see: no number is made of the rest in silence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenize import tokenize
from sacrebleu.metrics.bleu import BLEU

from harness.errors import UsageError
from harness.metrics import metric
from harness.metrics.coverage import dropped_by_rouge, in_clauses, unseen_share
from harness.metrics.words import UnicodeWords
from harness.record import MetricScore
from harness.settings import EvalSettings
from tests.support.texts import score

ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
UNICODE = EvalSettings(tokenizer="unicode")
TEXTS = {
    "Cyrillic": "Мы долго шли через лес и вышли к реке",
    "Arabic": "قرأت الكتاب كله في ليلة واحدة فقط",
    "Hindi": "यह किताब मुझे बहुत पसंद आई है",
    "Greek": "Το βιβλίο αυτό μου άρεσε πάρα πολύ",
    "Chinese": "今天天气很好，我们去公园散步吧。",
    "Japanese": "この本はとても面白かったです。",
    "Thai": "หนังสือเล่มนี้สนุกมากจริงๆ",
}
UNSPACED = ("Chinese", "Japanese", "Thai")


@pytest.mark.parametrize("script", TEXTS)
@pytest.mark.parametrize("name", ROUGES)
def test_rouge_of_a_script_that_rouge_score_drops_is_null_with_the_remedy(name, script):
    text = TEXTS[script]
    found = score(name, [text, text], [text, text])
    assert (found.value, found.each, found.low) == (None, (None, None), None)
    assert found.unseen == 1.0
    assert found.missing == (
        "100.0 % of the references' letters unseen: rouge-score keeps a–z and 0–9 only;"
        " --set eval.tokenizer=unicode sees every script"
    )


@pytest.mark.parametrize("script", TEXTS)
@pytest.mark.parametrize("name", ROUGES)
def test_unicode_words_give_the_same_text_100_and_another_one_less(name, script):
    text = TEXTS[script]
    assert score(name, [text], [text], UNICODE).value == pytest.approx(100)
    assert score(name, [text[: len(text) // 2]], [text], UNICODE).value < 90
    assert "|tok:unicode|" in score(name, [text], [text], UNICODE).signature
    assert "tok:" not in score(name, [text], [text]).signature  # as it was published


def test_accents_are_letters_to_unicode_words_and_dropped_by_the_default():
    # default: "pêche" and "pécha" are p + che, p + cha …; by unicode no word is equal
    assert score("rouge1", ["é"], ["è"], UNICODE).value == 0
    # composed and decomposed spellings of one word are one word
    assert score("rouge1", ["cafe\u0301"], ["café"], UNICODE).value == 100
    french = "la mère a aimé le thé"  # 3 of 16 letters
    assert score("rouge1", [french], [french]).unseen == pytest.approx(3 / 16)
    assert score("rouge1", [french], [french]).value is None


@pytest.mark.parametrize(("plain", "given_"), [(95, True), (94, False)])
def test_up_to_5_percent_unseen_the_value_is_kept_with_the_share(plain, given_):
    reference = " ".join(["a" * 5] * (plain // 5) + ["a" * (plain % 5)] + ["ж"] * (100 - plain))
    found = score("rouge1", [reference], [reference])
    assert found.unseen == (100 - plain) / 100
    assert found.value == (pytest.approx(100) if given_ else None)
    assert MetricScore.of(found).unseen == found.unseen
    assert score("rouge1", ["plain"], ["plain"]).unseen == 0


def test_the_share_is_over_the_letters_of_all_references():
    # 4 + 6 letters, 6 unseen; digits and marks are no letters
    assert unseen_share(["abcd 12!", "привет ١٢"], dropped_by_rouge) == 0.6
    assert unseen_share(["12 !", ""], dropped_by_rouge) == 0.0
    # the Kelvin sign is k in lower case, the dotted capital I an i with a mark
    assert dropped_by_rouge("\u212a\u0130\u00df") == 1


@settings(max_examples=200)
@given(st.text(st.characters(max_codepoint=127)))
def test_on_ascii_unicode_words_are_those_of_rouge_score(text):
    assert UnicodeWords().tokenize(text) == tokenize(text, None)


def test_unicode_words_by_hand():
    split = UnicodeWords(marks=True).tokenize
    assert split("Don't stop!") == ["don", "'", "t", "stop", "!"]
    assert split("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]  # vowel signs stay in their word
    assert split("我爱NLP。") == ["我", "爱", "nlp", "。"]
    assert split("コーヒー") == ["コ", "ー", "ヒ", "ー"]
    assert UnicodeWords().tokenize("我爱NLP。") == ["我", "爱", "nlp"]


@pytest.mark.parametrize("script", TEXTS)
def test_bleu_and_meteor_of_clauses_without_spaces_are_null(script):
    text = TEXTS[script]
    # sacrebleu's 13a takes a Chinese sentence as one word: identical texts score 0
    found = score("bleu", [text], [text])
    if script in UNSPACED:
        assert (found.value, found.each) == (None, (None,))
        assert "--set eval.bleu_tokenizer=zh, ja-mecab or char splits them" in found.missing
    else:
        assert (found.value, found.unseen) == (pytest.approx(100), 0.0)
    by_char = score("bleu", [text], [text], EvalSettings(bleu_tokenizer="char"))
    assert by_char.value == pytest.approx(100)
    assert "|tok:char|" in by_char.signature


@pytest.mark.parametrize("script", TEXTS)
def test_meteor_sees_words_between_spaces_and_by_setting_every_script(script):
    text = TEXTS[script]
    found = score("meteor", [text], [text])
    assert (found.value is None) == (script in UNSPACED)
    if script in UNSPACED:
        assert "--set eval.tokenizer=unicode splits them" in found.missing
    assert "|tok:punkt-untrained+nltk-word|" in found.signature
    seen = score("meteor", [text], [text], UNICODE)
    words = len(UnicodeWords(marks=True).tokenize(text))
    assert seen.value == pytest.approx(100 * (1 - 0.5 / words**3))  # all matched, in one chunk
    assert "|tok:unicode|" in seen.signature


def test_a_clause_is_a_token_of_more_letters_than_a_word_has():
    assert in_clauses(["今天天气", "很好", "word", "été"]) == 0
    assert in_clauses(["今天天气很", "abc天"]) == 5


@pytest.mark.parametrize("name", ["13a", "intl", "zh", "char", "none"])
def test_bleu_by_each_tokenizer_equals_sacrebleu(name):
    predictions = ["我爱北京，天安门。", "a b c d e"]
    references = ["我爱上海，天安门。", "a b c d f"]
    found = score("bleu", predictions, references, EvalSettings(bleu_tokenizer=name))
    oracle = BLEU(tokenize=name)
    expected = oracle.corpus_score(predictions, [references]).score
    assert f"|tok:{name}|" in found.signature
    if found.missing:
        assert name in ("13a", "intl")
    else:
        assert found.value == pytest.approx(expected)


def test_a_tokenizer_without_its_packages_is_refused_before_a_run(monkeypatch):
    from sacrebleu.tokenizers import tokenizer_ja_mecab

    monkeypatch.setattr(tokenizer_ja_mecab, "MeCab", None)
    with pytest.raises(
        UsageError, match=r"ja-mecab needs packages .* pip install 'sacrebleu\[ja\]'"
    ):
        metric("bleu", EvalSettings(bleu_tokenizer="ja-mecab"))
