"""Text ↔ tokens: the chat template around a prompt, responses with offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.engine.template import render, shell, template_source


@dataclass(frozen=True)
class Encoded:
    """A response: token ids without the end token, and each token's end in characters."""

    ids: tuple[int, ...]
    ends: tuple[int, ...]


def plain_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of text as a user wrote it: "<|im_end|>" in it is ten characters, no command."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)[
        "input_ids"
    ]
    return ids


def encode_prompt(tokenizer: Any, text: str) -> list[int]:
    """`text` as one user turn through the chat template with its own default system turn.

    Without a template: the text and a newline, with the tokenizer's usual first token; an end that
    the tokenizer puts after what it encodes is left out, for the text goes on.
    """
    if template_source(tokenizer) is None:
        return _opened(tokenizer, text + "\n")
    commands = (token for token in tokenizer.added_tokens_decoder.values() if token.special)
    if any(token.content in text for token in commands):
        before, after = shell(tokenizer)
        parts = [template_ids(tokenizer, part) for part in (before, after)]
        return [*parts[0], *plain_ids(tokenizer, text), *parts[1]]
    return template_ids(tokenizer, render(tokenizer, [{"role": "user", "content": text}]))


def _opened(tokenizer: Any, text: str) -> list[int]:
    """Token ids of text with what the tokenizer puts before it, without what it puts after it."""
    ids: list[int] = tokenizer(text, split_special_tokens=True)["input_ids"]
    plain = plain_ids(tokenizer, text)
    for start in range(len(ids) - len(plain) + 1):
        if ids[start : start + len(plain)] == plain:
            return ids[: start + len(plain)]
    return ids


def template_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a rendered template, its special tokens read as such."""
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def special_ids(tokenizer: Any) -> frozenset[int]:
    """Ids of special tokens, named ones and those that are special among the added tokens."""
    added = tokenizer.added_tokens_decoder.items()
    return frozenset(tokenizer.all_special_ids) | {id_ for id_, token in added if token.special}


def encode_response(tokenizer: Any, text: str) -> Encoded:
    """Token ids of a text to be written, with character ends."""
    coded = tokenizer(
        text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
    )
    return Encoded(tuple(coded["input_ids"]), tuple(end for _, end in coded["offset_mapping"]))


def decode(tokenizer: Any, ids: Sequence[int]) -> str:
    """Text of written tokens; special ones are left out."""
    text: str = tokenizer.decode(
        list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return text
