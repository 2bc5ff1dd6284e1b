"""The request for an analysis of a user: its text and tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.engine.text import encode_prompt, encode_response
from harness.types import Tokenizer, TrainingPair

Variant = Literal["hindsight", "blind"]
PROMPTS: Mapping[Variant, str] = {
    "hindsight": (
        "Here is a request and the texts of its user, if there are any.\n\n{prompt}\n\n"
        "This is what the user wrote in the end:\n\n{reference}\n\n"
        "Do not repeat it. In three sentences and in your own words, say what this user likes and"
        " cares about and how they write, so that another writer could do it their way."
    ),
    "blind": (
        "Here is a request and the texts of its user, if there are any.\n\n{prompt}\n\n"
        "Do not answer it yet. In three sentences and in your own words, say what this user likes"
        " and cares about and how they write, so that another writer could do it their way."
    ),
}
"""The texts of requests. `prompt` is the method's own prompt of the example."""


@dataclass(frozen=True)
class Request:
    """A request for one analysis: the example, the variant, and the prompt's token ids."""

    example_id: str
    variant: Variant
    prompt: tuple[int, ...]

    @property
    def key(self) -> tuple[str, Variant]:
        return self.example_id, self.variant


def make_request(
    tokenizer: Tokenizer, pair: TrainingPair, variant: Variant, prompt: str, most_tokens: int
) -> Request:
    """The request for an analysis.

    Args:
        tokenizer: the backbone's.
        pair: the example and its reference.
        variant: with the reference ("hindsight") or without it ("blind").
        prompt: text of the method's prompt.
        most_tokens: a longer reference is cut to this length.
    """
    reference = pair.reference.text
    ends = encode_response(tokenizer, reference).ends
    shown = reference[: ends[most_tokens - 1]] if len(ends) > most_tokens else reference
    # replace, not format: users' texts may contain braces; the reference goes in first
    text = PROMPTS[variant].replace("{reference}", shown, 1).replace("{prompt}", prompt, 1)
    return Request(pair.example.id, variant, tuple(encode_prompt(tokenizer, text)))
