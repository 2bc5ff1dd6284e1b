"""The separator between an analysis and the text, and the sentences of an analysis in tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from harness.data.cut import SENTENCE_END
from harness.engine.ends import Ends
from harness.engine.template import after_answer, template_source
from harness.engine.text import decode, template_ids
from harness.types import Tokenizer


def separator(tokenizer: Tokenizer, ends: Ends) -> tuple[int, ...]:
    """The tokens between analysis and text: the trained end, then the opening of a new turn.

    Decoding stops at that end, and texts cannot contain it. Without a chat template the end is the
    whole separator.
    """
    end = ends.trained
    if template_source(tokenizer) is None:
        return end
    after = after_answer(tokenizer, opens=True)
    if len(end) == 1:
        ids = template_ids(tokenizer, after)
        return tuple(ids[ids.index(end[0]) :]) if end[0] in ids else end
    _, matched, rest = after.partition(tokenizer.decode(list(end)))
    return (*end, *template_ids(tokenizer, rest)) if matched else end


def sentence_ends(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[int, ...]:
    """Numbers of tokens in the first sentence, the first two, … of `ids`; the last is all of them.

    A token in two sentences counts for the first. () for no tokens.
    """
    text = decode(tokenizer, ids)
    ends = [
        bisect_left(range(len(ids)), match.end(), key=lambda n: len(decode(tokenizer, ids[:n])))
        for match in SENTENCE_END.finditer(text.rstrip())
    ]
    return tuple(dict.fromkeys([*(end for end in ends if end), *([len(ids)] if ids else [])]))
