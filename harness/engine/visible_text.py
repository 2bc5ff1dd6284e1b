"""From written tokens to the text that is scored: reasoning blocks hidden, cut at a stop string."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.engine.backbone import Backbones, locate
from harness.engine.ends import Ends, added_tokens, declared_ends, ends_of
from harness.engine.template import shell, template_source
from harness.engine.text import decode, special_ids
from harness.settings import RunSettings

Span = tuple[int, int]


@dataclass(frozen=True)
class Visible:
    """What became of written tokens.

    text: what is scored; tokens: of it. reasoning: text of hidden blocks; reasoning_tokens: of
    them. unclosed: a block had no end, so that all from its beginning on is hidden. stopped: a
    stop string ended the text. kept: the tokens that are wholly visible.
    """

    text: str
    tokens: int
    kept: tuple[int, ...]
    reasoning: str = ""
    reasoning_tokens: int = 0
    unclosed: bool = False
    stopped: bool = False


@dataclass(frozen=True)
class TextRules:
    """How a run's tokens become text.

    strip: names of reasoning blocks. opened: the block that the prompt itself opens, if any.
    """

    tokenizer: Any
    ends: Ends
    strip: tuple[str, ...] = ()
    opened: str | None = None

    @property
    def stopping(self) -> dict[str, Any]:
        """What ends a row: arguments of `harness.engine.generate`."""
        return {"eos_id": self.ends.ids, "stopped": self.stopped if self.ends.strings else None}

    def stopped(self, ids: Sequence[int]) -> bool:
        """Whether a stop string stands in the text, outside of reasoning blocks."""
        # a token gives at least a byte, a special one none: the last ones hold a string's end
        window = 4 + max((len(each.encode()) for each in self.ends.strings), default=0)
        late = decode(self.tokenizer, ids[-window:])
        return any(each in late for each in self.ends.strings) and self.read(ids).stopped

    def read(self, ids: Sequence[int]) -> Visible:
        """The visible part of written tokens."""
        shown = [each for each in ids if each not in self._dropped]
        whole = self._text(shown)
        spans, unclosed = self._blocks(whole)
        stop = self._stop(whole, spans)
        if not spans and stop is None:
            return Visible(decode(self.tokenizer, ids), len(ids), tuple(ids))
        end = len(whole) if stop is None else stop
        spans = [(start, min(until, end)) for start, until in spans if start < end]
        seen = _outside(spans, end)
        text = "".join(whole[start:until] for start, until in seen)
        kept = [token for span in seen for token in self._tokens(shown, span)[0]]
        hidden = sum(self._tokens(shown, span)[1] for span in spans)
        return Visible(
            text=text.lstrip() if spans else text,
            tokens=len(kept),
            kept=tuple(kept),
            reasoning="".join(whole[start:until] for start, until in spans),
            reasoning_tokens=hidden,
            unclosed=unclosed,
            stopped=stop is not None,
        )

    @cached_property
    def _dropped(self) -> frozenset[int]:
        """Special tokens, which no text shows; those that open or close a block stay."""
        marks = {mark for name in self.strip for mark in (f"<{name}>", f"</{name}>")}
        special = special_ids(self.tokenizer)
        contents = added_tokens(self.tokenizer)
        return frozenset(each for each in special if contents[each] not in marks)

    def _text(self, shown: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(
            list(shown), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text

    def _blocks(self, text: str) -> tuple[list[Span], bool]:
        """Where reasoning blocks stand in the text, marks included; whether the last has no end.

        An end without a beginning closes a block that began before the text.
        """
        spans: list[Span] = []
        inside, begin = self.opened, 0
        names = "|".join(map(re.escape, self.strip)) or "(?!)"
        for mark in re.finditer(rf"<(/?)({names})>", text):
            closes, name = bool(mark[1]), mark[2]
            if closes and inside in (None, name):
                before = mark.start() if spans else 0
                spans.append((before if inside is None else begin, mark.end()))
                inside = None
            elif not closes and inside is None:
                inside, begin = name, mark.start()
        if inside is not None:
            spans.append((begin, len(text)))
        return spans, inside is not None

    def _stop(self, text: str, spans: Sequence[Span]) -> int | None:
        """Where the first stop string outside the blocks begins."""
        places = [
            match.start()
            for string in self.ends.strings
            for match in re.finditer(re.escape(string), text)
            if not any(start <= match.start() < until for start, until in spans)
        ]
        return min(places, default=None)

    def _tokens(self, shown: Sequence[int], span: Span) -> tuple[list[int], int]:
        """The tokens that lie wholly in a span of the text, and how many lie in it in part too."""

        def length(count: int) -> int:
            return len(self._text(shown[:count]))

        counts, (start, end) = range(len(shown) + 1), span
        first = bisect_left(counts, start, key=length)
        after = bisect_right(counts, end, key=length) - 1
        touched = bisect_left(counts, end, key=length) - bisect_right(counts, start, key=length) + 1
        return list(shown[first:after]), touched


def _outside(spans: Sequence[Span], end: int) -> list[Span]:
    """The parts of a text of `end` characters that no span holds."""
    edges = [0, *(edge for span in spans for edge in span), end]
    return [
        (start, until)
        for start, until in zip(edges[::2], edges[1::2], strict=True)
        if start < until
    ]


def rules_of(settings: RunSettings, *, trained: bool) -> TextRules:
    """The rules of a run's texts.

    trained: whether the model has learnt to write the text at once. Then a block that the prompt
    opens counts only where the model closes it. Raises UsageError without any end.
    """
    model, options = settings.model, settings.decode
    tokenizer = Backbones(model).tokenizer
    declared = declared_ends(locate(model.backbone), model.revision)
    ends = ends_of(tokenizer, declared, options.stop)
    opened = opened_block(tokenizer, options.strip)
    return TextRules(tokenizer, ends, options.strip, None if trained else opened)


def opened_block(tokenizer: Any, names: Sequence[str]) -> str | None:
    """The reasoning block in which the template leaves the assistant's turn open, if any."""
    if template_source(tokenizer) is None:
        return None
    _, after = shell(tokenizer)
    for name in names:
        if after.rfind(f"<{name}>") > after.rfind(f"</{name}>"):
            return name
    return None
