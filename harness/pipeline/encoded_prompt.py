"""A prompt in tokens, with its example and without."""

from __future__ import annotations

from dataclasses import dataclass

from harness.types import Cut, Example


@dataclass(frozen=True)
class Part:
    """A prompt in tokens, without its example; see `EncodedPrompt`.

    views: name → tokens, "main" among them.
    """

    views: dict[str, tuple[int, ...]]
    cut: Cut
    text: str
    tied: bool


@dataclass(frozen=True)
class EncodedPrompt:
    """One example's prompt in tokens.

    prompt is the main view, views the others by name; cut says what the budgets removed, text is
    the main view before the chat template, tied whether BM25 ranked by a tie.
    """

    example: Example
    prompt: tuple[int, ...]
    views: dict[str, tuple[int, ...]]
    cut: Cut
    text: str
    tied: bool = False

    @classmethod
    def of(cls, example: Example, part: Part) -> EncodedPrompt:
        """The prompt of an example, from the part that does not depend on it."""
        views = dict(part.views)
        return cls(example, views.pop("main"), views, part.cut, part.text, part.tied)
