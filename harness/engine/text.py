"""Text ↔ tokens: the chat template around a prompt, the end token, responses with offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError

MARK = "\N{OBJECT REPLACEMENT CHARACTER}turn\N{OBJECT REPLACEMENT CHARACTER}"


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

    Without a template: the text and a newline, with the tokenizer's usual first token.
    """
    if getattr(tokenizer, "chat_template", None) is None:
        ids: list[int] = tokenizer(text + "\n", split_special_tokens=True)["input_ids"]
        return ids
    commands = (token for token in tokenizer.added_tokens_decoder.values() if token.special)
    if any(token.content in text for token in commands):
        shell = render(tokenizer, [{"role": "user", "content": MARK}])
        before, _, after = shell.partition(MARK)
        parts = [template_ids(tokenizer, part) for part in (before, after)]
        return [*parts[0], *plain_ids(tokenizer, text), *parts[1]]
    return template_ids(tokenizer, render(tokenizer, [{"role": "user", "content": text}]))


def render(tokenizer: Any, turns: Sequence[dict[str, str]], answer: bool = True) -> str:
    """The chat template's text; `answer` opens the assistant's turn."""
    text: str = tokenizer.apply_chat_template(
        list(turns), tokenize=False, add_generation_prompt=answer
    )
    return text


def template_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a rendered template, its special tokens read as such."""
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def end_id(tokenizer: Any) -> int:
    """The token that ends an assistant's turn in the template, else the tokenizer's end token.

    Raises UsageError where there is neither.
    """
    special = set(tokenizer.all_special_ids)
    if getattr(tokenizer, "chat_template", None) is not None:
        turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": MARK}]
        _, found, after = render(tokenizer, turns, answer=False).partition(MARK)
        if found:
            for token in template_ids(tokenizer, after):
                if token in special:
                    return token
    if tokenizer.eos_token_id is None:
        raise UsageError(
            f"tokenizer {tokenizer.name_or_path!r} has no end token; expected eos_token in its"
            " tokenizer_config.json, or a chat template that ends a turn with a special token"
        )
    return int(tokenizer.eos_token_id)


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
