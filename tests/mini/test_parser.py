"""The parser on texts from elsewhere: order, case, punctuation, and attempts to cheat."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.mini import Call, calls, parser, sentences
from harness.mini.parser import shown

ASPECTS = ("spout", "belt", "collar")


def call(kind, expected, aspect="spout", before=None):
    return Call(
        kind=kind, family="any", position=0, held_out=False, chance=0.25, task="product_review",
        aspects=ASPECTS, aspect=aspect, expected=expected, before=before,
    )  # fmt: skip


OPENING = call("opening", "First things first", aspect=None)
CLOSING = call("closing", "Happy shopping", aspect=None)
PRAISE = call("praise", "superb")
HEDGE = call("hedge", "it seems", aspect="collar")
DASH = call("layout", "dash")
PROSE = call("layout", "prose", aspect="belt")
STAR = call("emphasis", "star")
BANGS = call("ending", "bangs", aspect="collar")
PHRASE = call("catchphrase", "no doubt", aspect="belt")
FIRST = call("order", "good first", before=None)
AFTER = call("order", "good first", aspect="collar", before="belt")

TABLE = [  # case, the call, the text, whether it follows the call
    ("the plain case", PRAISE, "The spout is superb. The belt is weak.", True),
    ("capitals", PRAISE, "THE SPOUT IS SUPERB, REALLY.", True),
    ("another order of the aspects", PRAISE, "The belt is weak. The spout is superb.", True),
    ("in a later sentence of its part", PRAISE, "The spout leaks not. I find it superb!", True),
    ("a synonym", PRAISE, "The spout is excellent.", False),
    ("both synonyms", PRAISE, "The spout is superb and excellent.", False),
    ("all values at once", PRAISE, "The spout: superb excellent splendid impressive.", False),
    ("a misspelling", PRAISE, "The spout is supperb.", False),
    ("inside another word", PRAISE, "The spout is superbly made.", False),
    ("in another aspect's part", PRAISE, "The spout is fine. The belt is superb.", False),
    ("the aspect is missing", PRAISE, "It is superb.", False),
    ("the opening", OPENING, "first things first, folks! The spout works.", True),
    ("the opening too late", OPENING, "The spout works. First things first.", False),
    ("two openings", OPENING, "First things first. Hello shoppers. The spout works.", False),
    ("the closing", CLOSING, "The spout works.\nIn the end, fine. Happy shopping!", True),
    ("the wrong closing", CLOSING, "The spout works.\nIn the end, fine. Hope this helps.", False),
    ("words over a line break", HEDGE, "The collar is, it\nseems, weak.", True),
    ("another hedge", HEDGE, "I guess the collar is weak.", False),
    ("a dash", DASH, "Hello.\n- The spout is fine.", True),
    ("a typographic dash", DASH, "Hello.\n– The spout is fine.", True),
    ("a number for a dash", DASH, "Hello.\n1. The spout is fine.", False),
    ("prose for a dash", DASH, "Hello. The spout is fine.", False),
    ("prose", PROSE, "The spout is fine. The belt is fine.", True),
    ("a list for prose", PROSE, "- The spout is fine.\n- The belt is fine.", False),
    ("stars", STAR, "The *spout* is fine.", True),
    ("a box for stars", STAR, "The [spout] is fine.", False),
    ("a star on one side", STAR, "The *spout is fine.", False),
    ("nothing for stars", STAR, "The spout is fine.", False),
    ("two bangs", BANGS, "The belt is fine. The collar rusts!!", True),
    ("three bangs", BANGS, "The collar rusts!!!", True),
    ("one bang", BANGS, "The collar rusts!", False),
    ("a bang and a dot", BANGS, "The collar rusts!.", False),
    ("a catchphrase with a comma", PHRASE, "The belt holds, no doubt.", True),
    ("no catchphrase", PHRASE, "The belt holds, without a doubt.", False),
    ("first of all", FIRST, "The spout leads. The belt follows.", True),
    ("not the first", FIRST, "The belt leads. The spout follows.", False),
    ("right after", AFTER, "The spout leads. The belt follows. The collar ends.", True),
    ("not right after", AFTER, "The belt leads. The spout follows. The collar ends.", False),
    ("nothing", PRAISE, "", False),
]


@pytest.mark.parametrize(("place", "text", "expected"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_hand_written_texts(place, text, expected):
    assert shown([place], text) == (expected,)


@given(st.text(max_size=300))
def test_any_text_can_be_parsed(text):
    places = next(iter(calls("topic_writing", "user", "test").values()))
    assert len(shown(places, text)) == len(places)


def test_a_text_with_every_value_follows_no_call():
    places = next(iter(calls("product_review", "user", "test").values()))
    worded = [each for each in places if each.kind in ("praise", "blame", "intensifier", "hedge")]
    everything = (
        "superb excellent splendid impressive weak poor meagre shaky really truly very quite"
    )
    text = " ".join(f"The {aspect} is {everything}." for aspect in places[0].aspects)
    assert not any(shown(worded, text))


MARKS = st.text(alphabet=".!?'])*~+- \t\nx", max_size=60)


@settings(max_examples=500)
@given(MARKS, st.integers(0, 60))
def test_sentence_ends_agree_with_a_simpler_pattern(text, end):
    plain = re.compile(r"[.!?]+['\])*~]*(?=\s|$)|\n")
    for start in range(len(text) + 1):
        if start == 0 or text[start - 1].isspace():  # as after a line or a bullet
            spans = [stop.span() for stop in plain.finditer(text, start, end)]
            assert [stop.span() for stop in sentences.STOP.finditer(text, start, end)] == spans


@settings(max_examples=500)
@given(MARKS)
def test_section_endings_agree_with_a_simpler_pattern(text):
    found = re.search(r"[.!?]+$", text.rstrip(" \t\r\n'*])~+-"))
    names = {".": "dot", "..": "dots", "!": "bang", "!!": "bangs"}
    marks = found.group() if found else ""
    assert parser._ending(text) == (names.get(marks[:2]) if len(set(marks)) == 1 else None)


@pytest.mark.parametrize("marks", ["!" * 24_000 + "x", "!'" * 12_000 + "x", "...x" * 6_000])
def test_no_text_is_slow_to_parse(marks):
    places = [call("ending", "bangs"), call("praise", "superb"), call("layout", "prose")]
    start = time.process_time()
    shown(places, f"{marks} The spout {marks}")
    assert time.process_time() - start < 2
