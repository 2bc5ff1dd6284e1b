"""Chats as rows of tokens: what is learnt from, and which tokens show a preference."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from harness.pretraining.corpus import Turn


@dataclass(frozen=True)
class Row:
    """A chat. tokens: ids; learnt: whether an author wrote it (or it ends their document);
    shows: whether it begins what shows a preference in the last document. All of one length."""

    tokens: list[int]
    learnt: list[bool]
    shows: list[bool]


def encode(chat: Sequence[Turn], tokenizer: PreTrainedTokenizerBase) -> Row:
    """The chat through the tokenizer's chat template."""
    row = Row([], [], [])
    for number, turn in enumerate(chat):
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": turn.input}], tokenize=False, add_generation_prompt=True
        )
        _append(row, tokenizer(asked)["input_ids"], learnt=False)
        answer = tokenizer(turn.text, return_offsets_mapping=True)
        starts = {place.offset for place in turn.places} if number == len(chat) - 1 else set()
        row.tokens.extend(answer["input_ids"])
        row.learnt.extend([True] * len(answer["input_ids"]))
        row.shows.extend(
            any(first <= start < end for start in starts) for first, end in answer["offset_mapping"]
        )
        _append(row, [tokenizer.eos_token_id], learnt=True)
        _append(row, tokenizer("\n")["input_ids"], learnt=False)
    return row


def collate(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens [B,T], right-padded with `pad`, and the masks learnt and shows [B,T]."""
    longest = max(len(row.tokens) for row in rows)
    tokens = torch.full((len(rows), longest), pad)
    learnt = torch.zeros(len(rows), longest, dtype=torch.bool)
    shows = torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, row in enumerate(rows):
        tokens[number, : len(row.tokens)] = torch.tensor(row.tokens)
        learnt[number, : len(row.tokens)] = torch.tensor(row.learnt)
        shows[number, : len(row.tokens)] = torch.tensor(row.shows)
    return tokens, learnt, shows


def _append(row: Row, tokens: list[int], *, learnt: bool) -> None:
    row.tokens.extend(tokens)
    row.learnt.extend([learnt] * len(tokens))
    row.shows.extend([False] * len(tokens))
