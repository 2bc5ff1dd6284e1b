"""Requests for an analysis, with or without the reference."""

from baselines.analysis.request import make_request
from harness.engine.text import encode_response
from harness.types import Example, Reference, TrainingPair


def pair(reference):
    return TrainingPair(Example("a", "u", "t", "", ()), Reference("a", "u", reference))


def test_the_blind_request_does_not_contain_the_reference(world):
    tokenizer = world.shared.backbones.tokenizer
    asked = {
        variant: tokenizer.decode(
            make_request(tokenizer, pair("REF"), variant, "a {tea} pot", 9).prompt
        )
        for variant in ("hindsight", "blind")
    }
    assert "REF" in asked["hindsight"]
    assert "REF" not in asked["blind"]
    assert all("a {tea} pot" in text for text in asked.values())


def test_a_long_reference_is_cut_to_the_target_budget(world):
    tokenizer = world.shared.backbones.tokenizer
    kept = encode_response(tokenizer, "quiet tea").ids
    text = tokenizer.decode(
        make_request(tokenizer, pair("quiet tea pot lamp"), "hindsight", "x", len(kept)).prompt
    )
    assert "\n\nquiet tea\n\n" in text


def test_users_texts_may_contain_braces_and_markers(world):
    tokenizer = world.shared.backbones.tokenizer
    made = make_request(tokenizer, pair("{prompt}"), "hindsight", "{reference} {0}", 99)
    assert "{reference} {0}" in tokenizer.decode(made.prompt)
