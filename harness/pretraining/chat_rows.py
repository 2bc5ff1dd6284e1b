"""Chats as token rows: which tokens the loss counts, and which show a preference."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from harness.pretraining.corpus import Turn


@dataclass(frozen=True)
class Row:
    """A chat in tokens; the three lists have the same length.

    tokens: ids.
    learned: whether the loss counts the token: it belongs to a document, or ends one.
    shows: whether a preference starts to show at this token of the last document.
    """

    tokens: list[int]
    learned: list[bool]
    shows: list[bool]


def encode(chat: Sequence[Turn], tokenizer: PreTrainedTokenizerBase) -> Row:
    """The chat, formatted by the tokenizer's chat template."""
    row = Row([], [], [])
    for number, turn in enumerate(chat):
        request = tokenizer.apply_chat_template(
            [{"role": "user", "content": turn.input}], tokenize=False, add_generation_prompt=True
        )
        _append(row, tokenizer(request)["input_ids"], learned=False)
        answer = tokenizer(turn.text, return_offsets_mapping=True)
        starts = {place.offset for place in turn.places} if number == len(chat) - 1 else set()
        row.tokens.extend(answer["input_ids"])
        row.learned.extend([True] * len(answer["input_ids"]))
        row.shows.extend(
            any(first <= start < end for start in starts) for first, end in answer["offset_mapping"]
        )
        _append(row, [tokenizer.eos_token_id], learned=True)
        _append(row, tokenizer("\n")["input_ids"], learned=False)
    return row


def collate(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens [B,T], right-padded with `pad`, and the masks `learned` and `shows` [B,T]."""
    longest = max(len(row.tokens) for row in rows)
    tokens = torch.full((len(rows), longest), pad)
    learned = torch.zeros(len(rows), longest, dtype=torch.bool)
    shows = torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, row in enumerate(rows):
        tokens[number, : len(row.tokens)] = torch.tensor(row.tokens)
        learned[number, : len(row.tokens)] = torch.tensor(row.learned)
        shows[number, : len(row.tokens)] = torch.tensor(row.shows)
    return tokens, learned, shows


def _append(row: Row, tokens: list[int], *, learned: bool) -> None:
    row.tokens.extend(tokens)
    row.learned.extend([learned] * len(tokens))
    row.shows.extend([False] * len(tokens))
