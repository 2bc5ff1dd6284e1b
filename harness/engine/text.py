"""Text ↔ tokens: the chat template around a prompt, responses with offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.engine.template import render, shell, template_source
from harness.types import Tokenizer


@dataclass(frozen=True)
class Encoded:
    """A response: token ids without the end token, and each token's end in characters."""

    ids: tuple[int, ...]
    ends: tuple[int, ...]


def plain_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids of a user's text. Special tokens in it, like "<|im_end|>", are plain characters."""
    return _ids(tokenizer, text, add_special_tokens=False, split_special_tokens=True)


def encode_prompt(tokenizer: Tokenizer, text: str) -> list[int]:
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


def prompt_spans(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    """The characters of `text` that each token of `encode_prompt(tokenizer, text)` covers.

    (0, 0) for tokens of the template alone. [] where the template changes the text, so that its
    tokens cannot be found.
    """
    ids, plain = encode_prompt(tokenizer, text), template_source(tokenizer) is None
    before = "" if plain else shell(tokenizer)[0]
    whole = text + "\n" if plain else render(tokenizer, [{"role": "user", "content": text}])
    coded = tokenizer(
        whole,
        add_special_tokens=plain,
        split_special_tokens=plain,
        return_offsets_mapping=True,
    )
    found, offset = list(coded["input_ids"])[: len(ids)], len(before)
    if found != ids or whole[offset : offset + len(text)] != text:
        return []
    ends = ((max(0, start - offset), end - offset) for start, end in coded["offset_mapping"])
    spans = [(start, min(end, len(text))) for start, end in ends]
    return [(start, end) if start < end else (0, 0) for start, end in spans[: len(ids)]]


def _without_appended(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids of text with the tokens that the tokenizer prepends, without those it appends."""
    ids = _ids(tokenizer, text, split_special_tokens=True)
    plain = plain_ids(tokenizer, text)
    for start in range(len(ids) - len(plain) + 1):
        if ids[start : start + len(plain)] == plain:
            return ids[: start + len(plain)]
    return ids


def template_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids of a rendered template, with its special tokens."""
    return _ids(tokenizer, text, add_special_tokens=False)


def _ids(tokenizer: Tokenizer, text: str, **options: bool) -> list[int]:
    return list(tokenizer(text, **options)["input_ids"])


def special_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """Ids of special tokens: named ones, and added tokens marked as special."""
    added = tokenizer.added_tokens_decoder.items()
    return frozenset(tokenizer.all_special_ids) | {id_ for id_, token in added if token.special}


def encode_response(tokenizer: Tokenizer, text: str) -> Encoded:
    """Token ids of a response, with the end of each token in characters."""
    coded = tokenizer(
        text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
    )
    return Encoded(tuple(coded["input_ids"]), tuple(end for _, end in coded["offset_mapping"]))


def decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Text of generated tokens, without special tokens."""
    return tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
