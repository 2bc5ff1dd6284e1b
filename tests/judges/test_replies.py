"""A judge's reply: read strictly, and every failure has a name."""

from __future__ import annotations

import json

import pytest

from harness.judges.prompts import Question
from harness.judges.replies import ReplyError, read_reply
from harness.record.judged import ASPECTS, CRITERIA, JudgeReply
from tests.support.judge_stub import aspects_reply, pair_reply

ONE = Question("e", "", ("The lamp, it broke twice.",), (25,))
TWO = Question("e", "", ("first text", "second words"), (10, 12))


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "```json\n{}\n```",
        '<think>maybe {{"coverage": 1}}</think> Here it is: {} I hope it helps {{',
        'draft {{"coverage": {{"score": 1}}}}, no, better:\n</think>\n{}',  # the template opened it
        'so {{"quote": "a </think> b"}} it is</think>{}',
        "<think>one</think>{}<think>and another",
    ],
)
def test_scores_are_found_in_what_stands_around_them(around):
    found = read_reply("aspects", around.format(aspects_reply(4, "It broke")), ONE)
    assert found["scores"] == dict.fromkeys(ASPECTS, 4)
    assert found["not_in_text"] == ()


@pytest.mark.parametrize("better", ["2", 2, 2.0, "2.0", "TEXT 2", "Text 2", " text  2 "])
def test_a_verdict_is_the_same_in_any_spelling(better):
    found = read_reply("pairs", pair_reply(better), TWO)
    assert found["better"] == dict.fromkeys(CRITERIA, "second")


@pytest.mark.parametrize("score", [4, 4.0, "4", "4.0", " 4 "])
def test_a_score_is_the_same_in_any_spelling(score):
    assert read_reply("aspects", aspects_reply(score), ONE)["scores"] == dict.fromkeys(ASPECTS, 4)


@pytest.mark.parametrize("quote", ["a </think> b", "a <think> b", "<think>a</think>"])
def test_a_tag_that_the_answer_quotes_is_no_tag(quote):
    found = read_reply("aspects", aspects_reply(4, quote), ONE)
    assert found["scores"] == dict.fromkeys(ASPECTS, 4)
    assert set(found["evidence"].values()) == {quote}


def test_a_draft_is_no_answer():
    with pytest.raises(ReplyError) as failed:
        read_reply("aspects", f"draft {aspects_reply(1)} hm</think> Let me see.", ONE)
    assert (failed.value.kind, failed.value.detail) == ("bad JSON", "Let me see.")


def test_evidence_that_is_not_in_the_text_is_counted():
    found = read_reply("aspects", aspects_reply(4, "broke three times"), ONE)
    assert found["not_in_text"] == ASPECTS
    # a quote must be in the text that it is about: the better one
    found = read_reply("pairs", pair_reply("2", "second"), TWO)
    assert found["not_in_text"] == ()
    found = read_reply("pairs", pair_reply("2", "first text"), TWO)
    assert found["not_in_text"] == CRITERIA
    assert read_reply("pairs", pair_reply("tie", "first"), TWO)["not_in_text"] == ()
    assert read_reply("pairs", pair_reply("1", "irst"), TWO)["not_in_text"] == CRITERIA


CHINESE = "这台收音机很好，电池能用十小时。我买了iPhone 15和２个灯。"
THAI = "วิทยุเครื่องนี้ดีมาก แบตเตอรี่ใช้ได้ทั้งวัน"
KOREAN = "이 라디오는 배송이 빠르고 소리가 좋아요."


@pytest.mark.parametrize(
    ("text", "quote", "stands"),
    [
        (CHINESE, "收音机很好", True),
        (CHINESE, "收音机很好，电池", True),
        (CHINESE, "“收音机很好 电池”", True),
        (CHINESE, "买了IPHONE", True),
        (CHINESE, "2个灯", True),
        (CHINESE, "收音机不好", False),
        (CHINESE, "收音机电池", False),
        (CHINESE, "iPhone 1", False),
        (CHINESE, "。", False),
        (THAI, "เครื่องนี้ดี", True),
        (THAI, "แบตเตอรี่", True),
        (THAI, "แบตเตอร", False),  # the last letter has a vowel and a tone there
        (THAI, "เครื่องนั้นดี", False),
        (KOREAN, "라디오", True),
        (KOREAN, "배송이 빠르고, 소리", True),
        (KOREAN, "배송이 느리고", False),
        ("הספר הזה טוב", "ספר הזה", True),
        ("Straße und Öl", "STRASSE UND O\u0308L", True),
        ("I know it now.", "no", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ask", ["aspects", "pairs"])
def test_a_quote_is_found_in_any_script(ask, text, quote, stands):
    if ask == "aspects":
        reply, question, all_ = aspects_reply(4, quote), Question("e", "", (text,), (9,)), ASPECTS
    else:
        question = Question("e", "", ("else", text), (9, 9))
        reply, all_ = pair_reply("2", quote), CRITERIA
    assert read_reply(ask, reply, question)["not_in_text"] == (() if stands else all_)


@pytest.mark.parametrize(
    ("ask", "reply", "kind", "detail"),
    [
        ("aspects", "Five stars!", "bad JSON", "Five stars!"),
        ("aspects", "", "bad JSON", "an empty reply"),
        ("aspects", '{"coverage": {"score": 4', "bad JSON", "coverage"),
        ("aspects", "[" * 100_000, "bad JSON", "[[["),
        ("aspects", "{" * 3000 + '"a":' * 3000, "bad JSON", ""),
        ("aspects", "I’m sorry, but I cannot judge this.", "refusal", "sorry"),
        ("aspects", "As an AI, I have no taste.", "refusal", "taste"),
        ("aspects", '{"coverage": {"score": 4}}', "missing aspect", "accuracy: found None"),
        ("aspects", '{"coverage": 4}', "missing aspect", "coverage: found 4"),
        ("aspects", aspects_reply(6), "out of range", "coverage: found 6; expected 1 to 5"),
        ("aspects", aspects_reply(0), "out of range", "found 0"),
        ("aspects", aspects_reply(4.5), "out of range", "found 4.5"),
        ("aspects", aspects_reply("4/5"), "out of range", "found '4/5'"),
        ("aspects", aspects_reply("6"), "out of range", "found '6'"),
        ("aspects", aspects_reply(True), "out of range", "found True"),
        ("aspects", aspects_reply(float("nan")), "out of range", "found nan"),
        ("pairs", pair_reply("text 3"), "out of range", "content: found 'text 3'"),
        ("pairs", pair_reply(True), "out of range", "content: found True"),
        ("pairs", pair_reply("text"), "out of range", "content: found 'text'"),
        ("pairs", pair_reply("both"), "out of range", "content: found 'both'; expected 1, 2 or"),
        ("pairs", json.dumps({"overall": {"better": "1"}}), "missing aspect", "content"),
    ],
)  # fmt: skip
def test_every_failure_has_a_name(ask, reply, kind, detail):
    with pytest.raises(ReplyError) as found:
        read_reply(ask, reply, TWO if ask == "pairs" else ONE)
    assert found.value.kind == kind
    assert detail in found.value.detail
    assert len(found.value.detail) <= 200


@pytest.mark.parametrize(
    ("better", "swapped", "wins"),
    [("first", False, 1), ("first", True, 0), ("second", False, 0), ("second", True, 1),
     ("tie", False, 0.5), ("tie", True, 0.5)],
)  # fmt: skip
def test_a_win_is_of_the_runs_own_text_whatever_the_order(better, swapped, wins):
    reply = JudgeReply(id="e", swapped=swapped, reply="", better={"style": better})
    assert reply.wins("style") == wins
    assert reply.wins("overall") is None
