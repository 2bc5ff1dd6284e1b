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
    """Token ids of a user's text. Special tokens in it, like "<|im_end|>", are plain characters."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)[
        "input_ids"
    ]
    return ids


def encode_prompt(tokenizer: Any, text: str) -> list[int]:
    """Token ids of `text` as one user turn in the chat template, with its default system turn.

    Without a template: the text and a newline, with the tokenizer's usual first token. An end token
    that the tokenizer appends is left out, because the text continues.
    """
    if template_source(tokenizer) is None:
        return _without_appended(tokenizer, text + "\n")
    special = (token for token in tokenizer.added_tokens_decoder.values() if token.special)
    if any(token.content in text for token in special):
        before, after = shell(tokenizer)
        parts = [template_ids(tokenizer, part) for part in (before, after)]
        return [*parts[0], *plain_ids(tokenizer, text), *parts[1]]
    return template_ids(tokenizer, render(tokenizer, [{"role": "user", "content": text}]))


def _without_appended(tokenizer: Any, text: str) -> list[int]:
    """Token ids of text with the tokens that the tokenizer prepends, without those it appends."""
    ids: list[int] = tokenizer(text, split_special_tokens=True)["input_ids"]
    plain = plain_ids(tokenizer, text)
    for start in range(len(ids) - len(plain) + 1):
        if ids[start : start + len(plain)] == plain:
            return ids[: start + len(plain)]
    return ids


def template_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a rendered template, with its special tokens."""
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def special_ids(tokenizer: Any) -> frozenset[int]:
    """Ids of special tokens: named ones, and added tokens marked as special."""
    added = tokenizer.added_tokens_decoder.items()
    return frozenset(tokenizer.all_special_ids) | {id_ for id_, token in added if token.special}


def encode_response(tokenizer: Any, text: str) -> Encoded:
    """Token ids of a response, with the end of each token in characters."""
    coded = tokenizer(
        text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
    )
    return Encoded(tuple(coded["input_ids"]), tuple(end for _, end in coded["offset_mapping"]))


def decode(tokenizer: Any, ids: Sequence[int]) -> str:
    """Text of generated tokens, without special tokens."""
    text: str = tokenizer.decode(
        list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return text
