"""From generated tokens to the scored text: without reasoning blocks, cut at a stop string."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

from harness.engine.backbone import Backbones
from harness.engine.ends import Ends, added_tokens, declared_ends, ends_of
from harness.engine.reasoning_blocks import (
    Span,
    blocks,
    first_stop,
    outside,
    with_space_before_text,
)
from harness.engine.template import shell, template_source
from harness.engine.text import decode, special_ids
from harness.settings import RunSettings
from harness.types import Tokenizer


@dataclass(frozen=True)
class Visible:
    """Generated tokens, divided into the scored text and hidden reasoning.

    text: the scored text. tokens: its number of tokens. kept: the tokens that are fully visible.
    reasoning: the text of hidden blocks. reasoning_tokens: their number of tokens, with those of
    the white space around blocks before the text. unclosed: the last block has no end, so
    everything from its start is hidden. stopped: a stop string ended the text.
    """

    text: str
    tokens: int
    kept: tuple[int, ...]
    reasoning: str = ""
    reasoning_tokens: int = 0
    unclosed: bool = False
    stopped: bool = False


class Stopping(TypedDict):
    """Arguments of `harness.engine.generate` that end a row."""

    eos_id: frozenset[int]
    stopped: Callable[[Sequence[int]], bool] | None


@dataclass(frozen=True)
class TextRules:
    """How a run's tokens become text.

    strip: names of reasoning blocks. opened: the block that the prompt opens, if any.
    """

    tokenizer: Tokenizer
    ends: Ends
    strip: tuple[str, ...] = ()
    opened: str | None = None

    @property
    def stopping(self) -> Stopping:
        """Arguments of `harness.engine.generate` that end a row."""
        stopped = self.stopped if self.ends.strings else None
        return Stopping(eos_id=self.ends.ids, stopped=stopped)

    def stopped(self, ids: Sequence[int]) -> bool:
        """Whether the text contains a stop string outside reasoning blocks."""
        # every visible token is a byte or more, so a string that just ended is in this window
        window = 4 + max((len(each.encode()) for each in self.ends.strings), default=0)
        tail = decode(self.tokenizer, ids[-window:])
        return any(each in tail for each in self.ends.strings) and self.read(ids).stopped

    def read(self, ids: Sequence[int]) -> Visible:
        """Divide generated tokens into visible text and hidden reasoning."""
        # 1. Find the blocks, and the first stop string outside them
        shown = [each for each in ids if each not in self._dropped]
        whole = self._text(shown)
        inside, unclosed = blocks(whole, self.strip, self.opened)
        spans = with_space_before_text(whole, inside)
        stop = first_stop(whole, self.ends.strings, spans)
        if not spans and stop is None:
            return Visible(decode(self.tokenizer, ids), len(ids), tuple(ids))
        # 2. Cut at the stop string; what is outside the blocks is visible
        end = len(whole) if stop is None else stop
        spans = [(start, min(until, end)) for start, until in spans if start < end]
        visible = outside(spans, end)
        text = "".join(whole[start:until] for start, until in visible)
        # 3. Tokens of both parts
        kept = [token for span in visible for token in self._tokens(shown, span)[0]]
        hidden = sum(self._tokens(shown, span)[1] for span in spans)
        return Visible(
            text=text,
            tokens=len(kept),
            kept=tuple(kept),
            reasoning="".join(whole[start : min(until, end)] for start, until in inside),
            reasoning_tokens=hidden,
            unclosed=unclosed,
            stopped=stop is not None,
        )

    @cached_property
    def _dropped(self) -> frozenset[int]:
        """Special tokens, which are not part of a text, except those that open or close a block."""
        tags = {tag for name in self.strip for tag in (f"<{name}>", f"</{name}>")}
        special = special_ids(self.tokenizer)
        contents = added_tokens(self.tokenizer)
        return frozenset(each for each in special if contents[each] not in tags)

    def _text(self, shown: Sequence[int]) -> str:
        return self.tokenizer.decode(
            list(shown), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )

    def _tokens(self, shown: Sequence[int], span: Span) -> tuple[list[int], int]:
        """The tokens fully inside a span of the text; how many lie at least partly inside it."""

        def length(count: int) -> int:
            return len(self._text(shown[:count]))

        counts, (start, end) = range(len(shown) + 1), span
        first = bisect_left(counts, start, key=length)
        after = bisect_right(counts, end, key=length) - 1
        touched = bisect_left(counts, end, key=length) - bisect_right(counts, start, key=length) + 1
        return list(shown[first:after]), touched


def rules_of(settings: RunSettings, *, trained: bool) -> TextRules:
    """The rules of a run's texts.

    trained: whether the model was trained to begin with the text. Then a block that the prompt
    opens counts only if the model closes it. Raises UsageError if no end is known.
    """
    model, options = settings.model, settings.decode
    backbones = Backbones(model)
    tokenizer = backbones.tokenizer
    declared = declared_ends(*backbones.files)
    ends = ends_of(tokenizer, declared, options.stop)
    opened = opened_block(tokenizer, options.strip)
    return TextRules(tokenizer, ends, options.strip, None if trained else opened)


def opened_block(tokenizer: Tokenizer, names: Sequence[str]) -> str | None:
    """The reasoning block that the template opens in the assistant's turn, without closing it."""
    if template_source(tokenizer) is None:
        return None
    _, after = shell(tokenizer)
    for name in names:
        if after.rfind(f"<{name}>") > after.rfind(f"</{name}>"):
            return name
    return None
