"""Example → Prompt: ranked entries within their budget, instruction, input. One for all methods."""

from __future__ import annotations

from collections.abc import Sequence

from harness.data.cut import Cutter, Offsets
from harness.data.retrieval import Ranked, ranking
from harness.data.tasks import Task
from harness.settings import BudgetSettings, RetrievalSettings
from harness.types import Cut, Entry, Example, Prompt


class PromptWriter:
    """Writes LongLaMP's prompt for an example; the same text for every method that reads it.

    The profile budget counts the tokens of the phrased entries joined, without the instruction;
    the input budget those of the input. `offsets` is `token_offsets(tokenizer)` of the backbone.
    """

    def __init__(
        self, task: Task, retrieval: RetrievalSettings, budget: BudgetSettings, offsets: Offsets
    ) -> None:
        self.task = task
        self.budget = budget
        self.cutter = Cutter(offsets)
        self.ranking = ranking(task, retrieval)

    def write(self, example: Example, profile: bool = True) -> Prompt:
        """The prompt's main view, and what its budgets cost.

        Without profile – asked for, or empty – the view is the input alone.
        `cut.entries` counts entries that the budget left out (not those beyond `retrieval.k`);
        `cut.tokens` the tokens that a shortened entry and a shortened input lost.
        `tied`: BM25 did not tell the entries apart.
        """
        text = self.cutter.shorten_input(example.input, self.budget.input)
        lost = self._lost(example.input, text)
        ranked = self.ranking(example) if profile else Ranked([])
        phrases, entry_lost = self._fit([example.profile[index] for index in ranked.order])
        cut = Cut(entries=len(ranked.order) - len(phrases), tokens=lost + entry_lost)
        views = {"main": self.task.prompt(phrases, text)}
        return Prompt(example.id, views, cut, tied=ranked.tied)

    def text(self, entries: Sequence[Entry], text: str) -> str:
        """The prompt of these entries and this input as they are, outside all budgets."""
        return self.task.prompt([self.task.phrase(entry) for entry in entries], text)

    def _fit(self, ranked: Sequence[Entry]) -> tuple[list[str], int]:
        """The phrased entries that fit, best first, and the tokens lost where one was cut."""
        if not ranked:
            return [], 0
        phrases = [self.task.phrase(entry) for entry in ranked]
        kept = self._as_many_as_fit(phrases)
        if kept:
            return phrases[:kept], 0
        short = self._shorten_entry(ranked[0], phrases[0])
        return ([short], self._lost(phrases[0], short)) if short else ([], 0)

    def _as_many_as_fit(self, phrases: Sequence[str]) -> int:
        """Length of the longest opening of the ranking whose joined text is within the budget.

        Counted entry by entry first, which is cheap, then joined, which is exact.
        """
        between = self.cutter.count(self.task.separator)
        total, kept = -between, 0
        for phrase in phrases:
            total += between + self.cutter.count(phrase)
            if total > self.budget.profile:
                break
            kept += 1
        while kept and not self._fits(phrases[:kept]):
            kept -= 1
        while kept < len(phrases) and self._fits(phrases[: kept + 1]):
            kept += 1
        return kept

    def _fits(self, phrases: Sequence[str]) -> bool:
        return self.cutter.count(self.task.separator.join(phrases)) <= self.budget.profile

    def _shorten_entry(self, entry: Entry, phrase: str) -> str:
        """The entry with its long text shortened, its other fields and quotes whole.

        Where those alone are over the budget, the phrase loses its end.
        """

        def around(body: str) -> str:
            return self.task.phrase({**entry, self.task.body: body})

        body = self.cutter.shorten(entry[self.task.body], self.budget.profile, around)
        return around(body) if body else self.cutter.shorten(phrase, self.budget.profile)

    def _lost(self, whole: str, kept: str) -> int:
        if whole == kept:
            return 0
        return self.cutter.count(whole) - self.cutter.count(kept)
