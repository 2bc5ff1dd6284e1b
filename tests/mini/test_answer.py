"""Which answers count: text of the grammar, at its own place, said once. By hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.mini import Answer, Call, answers, calls
from harness.mini.sentences import sentences

GOOD = "- The *first spout* is really superb. It keeps its shape. It moves like new, no doubt."
BAD = "- The *second belt* is, I think, weak. It leaks a little. It jams in the cold!!"
WHOLE = f"Hello shoppers. I wanted a tent that lasts.\n{GOOD}\n{BAD}\nOverall, fine. Happy days."


def call(kind, expected, aspect="first spout", before=None):
    return Call(
        kind=kind, family="any", position=0, held_out=False, chance=0.25, task="product_review",
        aspects=("first spout", "second belt"), aspect=aspect, expected=expected, before=before,
    )  # fmt: skip


PRAISE = call("praise", "superb")
PHRASE = call("catchphrase", "no doubt")
ENDING = call("ending", "bangs", aspect="second belt")
OPENING = call("opening", "Hello shoppers", aspect=None)

TABLE = [  # case, the call, the text, whether the answer counts
    ("the whole text", PRAISE, WHOLE, True),
    ("its catchphrase", PHRASE, WHOLE, True),
    ("its ending", ENDING, WHOLE, True),
    ("its opening", OPENING, WHOLE, True),
    ("another order", PRAISE, f"Hello shoppers.\n{BAD}\n{GOOD}", True),
    ("capitals and spaces", PRAISE, WHOLE.upper().replace(" IT ", "  IT\t"), True),
    ("a first sentence that the grammar cannot write", PRAISE,
     WHOLE.replace("is really superb", "is just superb"), False),
    ("too few sentences", PRAISE, WHOLE.replace(" It keeps its shape.", ""), False),
    ("as many strange sentences as own ones", PRAISE,
     WHOLE.replace("It keeps", "Yes. No. Well. It keeps"), False),
    ("fewer strange sentences", PRAISE, WHOLE.replace("It keeps", "Yes. It keeps"), True),
    ("a repeated sentence", PRAISE, WHOLE.replace("moves like new", "keeps its shape"), False),
    ("a sentence of another section again", PRAISE,
     WHOLE.replace(GOOD, f"{GOOD.replace('first spout', 'third lamp')}\n{GOOD}"), False),
    ("complaints under praise", PRAISE, WHOLE.replace("keeps its shape", "leaks a little"), False),
    ("a catchphrase in a sentence of its own", PHRASE,
     WHOLE.replace("moves like new, no doubt", "moves like new. No doubt"), False),
    ("a last sentence that the grammar cannot write", ENDING,
     WHOLE.replace("jams in the cold!!", "jams in the cold. It rusts by the sea. Bad!!"),
     False),
    ("an opening inside a sentence", OPENING,
     WHOLE.replace("Hello shoppers.", "Hello shoppers and"), False),
    ("an opening without a section", OPENING, "Hello shoppers.", False),
]  # fmt: skip


@pytest.mark.parametrize(("place", "text", "counts"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_hand_written_texts(place, text, counts):
    assert answers((place,), text)[0].followed is counts


def test_an_answer_stands_where_the_text_gives_it():
    # Hello shoppers . I wanted a tent that lasts . - The * first → token 13
    assert answers((PRAISE,), WHOLE) == (Answer(True, 13),)
    late = "Yes. " * 50 + WHOLE
    assert answers((PRAISE,), late)[0].position == 113
    assert answers((PRAISE,), "Hello shoppers.") == (Answer(False, None),)


@given(st.text(max_size=300))
def test_any_text_is_answered_and_its_sentences_lie_in_order(text):
    places = next(iter(calls("topic_writing", "user", "test").values()))
    assert len(answers(places, text)) == len(places)
    found = sentences("topic_writing", text)
    ends = [0, *(each.end for each in found)]
    assert all(end <= each.start < each.end for end, each in zip(ends, found, strict=False))
