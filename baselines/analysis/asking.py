"""What the backbone is asked for an analysis of a user: the prompt's text and its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.engine.text import encode_prompt, encode_response

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
"""What the backbone is asked; `prompt` is the method's own prompt of the example."""


@dataclass(frozen=True)
class Ask:
    """A request for one analysis: whose, of which variant, and the prompt in tokens."""

    example_id: str
    variant: Variant
    prompt: tuple[int, ...]


def ask(
    tokenizer: Any, example_id: str, variant: Variant, prompt: str, reference: str, most_tokens: int
) -> Ask:
    """The request for an analysis; a reference beyond `most_tokens` is cut for it."""
    ends = encode_response(tokenizer, reference).ends
    shown = reference[: ends[most_tokens - 1]] if len(ends) > most_tokens else reference
    # replace, not format: texts of users hold braces; the reference goes in first
    text = PROMPTS[variant].replace("{reference}", shown, 1).replace("{prompt}", prompt, 1)
    return Ask(example_id, variant, tuple(encode_prompt(tokenizer, text)))
