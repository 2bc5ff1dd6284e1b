"""Example → Prompt: ranked entries within a budget, instruction, input; shared by all methods."""

from __future__ import annotations

from collections.abc import Sequence

from harness.data.cut import Cutter, Offsets
from harness.data.retrieval import Ranked, ranking
from harness.data.tasks import Task
from harness.settings import BudgetSettings, RetrievalSettings
from harness.types import Cut, Entry, Example, Prompt


class PromptWriter:
    """Writes LongLaMP's prompt for an example: the same text for every method.

    task: gives the prompt's strings.
    retrieval: how entries are ranked.
    budget: `profile` limits the tokens of the joined entries, without the instruction; `input`
    those of the input.
    offsets: `token_offsets(tokenizer)` of the backbone.
    """

    def __init__(
        self, task: Task, retrieval: RetrievalSettings, budget: BudgetSettings, offsets: Offsets
    ) -> None:
        self.task = task
        self.budget = budget
        self.cutter = Cutter(offsets)
        self.ranking = ranking(task, retrieval)

    def write(self, example: Example, profile: bool = True) -> Prompt:
        """The prompt's main view, and what the budgets cut.

        Without a profile – `profile=False`, or an empty one – the view is the input alone.
        `cut.entries` counts the entries that the budget left out (not those beyond `retrieval.k`),
        `cut.tokens` the tokens cut from a shortened entry and a shortened input. `tied` is true if
        BM25 gave all entries the same score.
        """
        text = self.cutter.shorten_input(example.input, self.budget.input)
        lost = self._lost(example.input, text)
        ranked = self.ranking(example) if profile else Ranked([])
        phrases, entry_lost = self._fit([example.profile[index] for index in ranked.order])
        cut = Cut(entries=len(ranked.order) - len(phrases), tokens=lost + entry_lost)
        views = {"main": self.task.prompt(phrases, text)}
        return Prompt(example.id, views, cut, tied=ranked.tied)

    def shown(self, example: Example) -> dict[int, str]:
        """Index of each profile entry in the prompt → its phrase there, in order."""
        order = self.ranking(example).order
        phrases, _ = self._fit([example.profile[index] for index in order])
        return dict(zip(order, phrases, strict=False))  # entries beyond the budget are left out

    def text(self, entries: Sequence[Entry], text: str) -> str:
        """The prompt of these entries and this input, without any budget."""
        return self.task.prompt([self.task.phrase(entry) for entry in entries], text)

    def _fit(self, ranked: Sequence[Entry]) -> tuple[list[str], int]:
        """The phrased entries that fit, best first, and the tokens cut from a shortened one."""
        if not ranked:
            return [], 0
        phrases = [self.task.phrase(entry) for entry in ranked]
        kept = self._as_many_as_fit(phrases)
        if kept:
            return phrases[:kept], 0
        short = self._shorten_entry(ranked[0], phrases[0])
        return ([short], self._lost(phrases[0], short)) if short else ([], 0)

    def _as_many_as_fit(self, phrases: Sequence[str]) -> int:
        """How many of the first phrases fit the budget when joined."""
        # 1. An estimate from the counts of the parts, which is cheap.
        separator = self.cutter.count(self.task.separator)
        total, kept = -separator, 0
        for phrase in phrases:
            total += separator + self.cutter.count(phrase)
            if total > self.budget.profile:
                break
            kept += 1
        # 2. The exact number: count the joined text, first down, then up.
        while kept and not self._fits(phrases[:kept]):
            kept -= 1
        while kept < len(phrases) and self._fits(phrases[: kept + 1]):
            kept += 1
        return kept

    def _fits(self, phrases: Sequence[str]) -> bool:
        return self.cutter.count(self.task.separator.join(phrases)) <= self.budget.profile

    def _shorten_entry(self, entry: Entry, phrase: str) -> str:
        """The phrase with its long field shortened; other fields and quotes stay complete.

        If those alone exceed the budget, the end of the phrase is cut off.
        """

        def around(body: str) -> str:
            return self.task.phrase({**entry, self.task.body: body})

        body = self.cutter.shorten(self.task.shown(entry), self.budget.profile, around)
        return around(body) if body else self.cutter.shorten(phrase, self.budget.profile)

    def _lost(self, whole: str, kept: str) -> int:
        if whole == kept:
            return 0
        return self.cutter.count(whole) - self.cutter.count(kept)
