"""Chats as token rows: which tokens the loss counts, and which show a preference."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from harness.pretraining.corpus import Turn


class Token(NamedTuple):
    """A token of a row.

    learned: whether the loss counts it: it belongs to a document, or ends one.
    shows: whether a preference starts to show at it; only in the last document of a chat.
    """

    id: int
    learned: bool
    shows: bool = False


Row = list[Token]


def encode(chat: Sequence[Turn], tokenizer: PreTrainedTokenizerBase) -> Row:
    """The chat, formatted by the tokenizer's chat template."""
    row: Row = []
    for number, turn in enumerate(chat):
        request = tokenizer.apply_chat_template(
            [{"role": "user", "content": turn.input}], tokenize=False, add_generation_prompt=True
        )
        row += [Token(token, False) for token in tokenizer(request)["input_ids"]]
        answer = tokenizer(turn.text, return_offsets_mapping=True)
        starts = {place.offset for place in turn.places} if number == len(chat) - 1 else set()
        row += [
            Token(token, True, any(first <= start < end for start in starts))
            for token, (first, end) in zip(
                answer["input_ids"], answer["offset_mapping"], strict=True
            )
        ]
        row.append(Token(tokenizer.eos_token_id, True))
        row += [Token(token, False) for token in tokenizer("\n")["input_ids"]]
    return row


def collate(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens [B,T], right-padded with `pad`, and the masks `learned` and `shows` [B,T]."""
    whole = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=-1)
    tokens, learned, shows = whole.unbind(-1)
    return tokens.where(tokens >= 0, pad), learned == 1, shows == 1
