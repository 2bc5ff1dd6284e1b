"""Kinds of tokens, by hand: copied phrases first, then words of the input, then the rest."""

import pytest

from harness.metrics.token_kinds import form_words, phrases, subject_words, token_kinds

PROFILE = ["Last but not least, I would buy it again. Cheers.", "a b c"]
TABLE = [  # reference, words of the input → c copy, x subject, . style
    # "again" is the sixth word of a phrase: five in a row end in "it" and in "again"
    ("I would buy it again", "", "....c"),
    ("So I would buy it again.", "", ".....cc"),  # and "would buy it again ." ends in the mark
    ("LAST BUT NOT LEAST, I", "", "....cc"),  # without regard to case
    ("I would buy kettles again", "kettles", "...x."),
    ("buy it again. Cheers", "cheers", "....c"),  # a copied word of the input is copied
    ("again . Cheers . a b c", "", "......."),  # not across the end of a profile text
    ("the Kettle, the kettle", "The kettle 5.0", ".x..x"),  # no function words, no numbers
    ("", "kettle", ""),
    # pieces of contractions are no subject: don ' t; it ' s; i ' ve; women ' s
    ("I don't, it's, I\u2019ve the women's T", "We don't say it's women's", ".............x..."),
    ("Don's T", "Don t", "x..x"),  # Don is a name here, and T a letter
    ("rock 'n' s", "rock s", "x...x"),  # no apostrophe inside a word
]


@pytest.mark.parametrize(("reference", "given", "kinds"), TABLE)
def test_kinds_by_hand(reference, given, kinds):
    letters = {"copy": "c", "subject": "x", "style": "."}
    found = token_kinds(reference, phrases(PROFILE), subject_words(given))
    assert "".join(letters[kind] for kind in found) == kinds


def test_a_shorter_text_has_no_phrases():
    assert phrases(["a b c d"]) == set()
    assert phrases(["a b, c D"]) == {("a", "b", ",", "c", "d")}


def test_words_of_nearly_every_input_are_the_form_and_name_nothing():
    things = ["kettle", "lamp", "chair", "table", "spoon"]
    inputs = [f'Write a review of "{thing}"' for thing in things]
    form = form_words([*inputs, inputs[0]])
    assert form == {"write", "a", "review", "of", '"'}
    assert subject_words(inputs[0], form) == {"kettle"}
    assert form_words(inputs[:4] * 3) == frozenset()  # too few to tell
