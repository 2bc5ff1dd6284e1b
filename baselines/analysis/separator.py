"""Where an analysis ends: the separator between it and the text, and its sentences in tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from harness.data.cut import SENTENCE_END
from harness.engine.ends import Ends
from harness.engine.template import after_answer, render, template_source
from harness.engine.text import decode, template_ids


def separator(tokenizer: Any, ends: Ends) -> tuple[int, ...]:
    """What stands between analysis and text: the trained end, then the opening of a new turn.

    Decoding stops at that end, and no text can hold it. Without a chat template it stands alone.
    """
    end = ends.trained
    if template_source(tokenizer) is None:
        return end
    asked, opened = (
        render(tokenizer, [{"role": "user", "content": "x"}], answer=answer)
        for answer in (False, True)
    )
    after = after_answer(tokenizer) + opened.removeprefix(asked)
    if len(end) == 1:
        ids = template_ids(tokenizer, after)
        return tuple(ids[ids.index(end[0]) :]) if end[0] in ids else end
    _, found, rest = after.partition(tokenizer.decode(list(end)))
    return (*end, *template_ids(tokenizer, rest)) if found else end


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
