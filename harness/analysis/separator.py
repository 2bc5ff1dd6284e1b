"""Where an analysis ends: the separator between it and the text, and its sentences in tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from harness.data.cut import SENTENCE_END
from harness.engine.text import MARK, decode, end_id, render, template_ids


def separator(tokenizer: Any) -> tuple[int, ...]:
    """What stands between analysis and text: the end token, then the opening of a new turn.

    The end token is the one at which decoding stops, and no text can hold it. Without a chat
    template it stands alone.
    """
    end = end_id(tokenizer)
    if getattr(tokenizer, "chat_template", None) is None:
        return (end,)
    user = {"role": "user", "content": "x"}
    answered = render(tokenizer, [user, {"role": "assistant", "content": MARK}], answer=False)
    asked, opened = (render(tokenizer, [user], answer=answer) for answer in (False, True))
    after = template_ids(tokenizer, answered.partition(MARK)[2] + opened.removeprefix(asked))
    return tuple(after[after.index(end) :]) if end in after else (end,)


def sentence_ends(tokenizer: Any, ids: Sequence[int]) -> tuple[int, ...]:
    """How many tokens the first, the first two, … sentences of `ids` take; the last takes all.

    A token that ends one sentence and begins the next goes with the first. () for no tokens.
    """
    text = decode(tokenizer, ids)
    ends = [
        bisect_left(range(len(ids)), match.end(), key=lambda n: len(decode(tokenizer, ids[:n])))
        for match in SENTENCE_END.finditer(text.rstrip())
    ]
    return tuple(dict.fromkeys([*(end for end in ends if end), *([len(ids)] if ids else [])]))
