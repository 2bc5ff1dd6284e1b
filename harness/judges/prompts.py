"""What a judge is asked. Texts are data: they cannot end their own block, nor forge a chat turn."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from harness.data.retrieval import bm25_order
from harness.data.tasks import Task
from harness.record.judged import Ask
from harness.types import Example

PROFILE_TEXTS, PROFILE_CHARACTERS = 3, 2000
"""Other texts of the author that a judge sees, and where each is cut."""
MARK = 12
TURNS = re.compile(
    r"<(?=\||/?s>|bos>|eos>|(?:start|end)_of_turn>|/?think>|/?tool_call>|<(?:SYS|/SYS)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"
)
"""The first character of what chat templates write: a server may read it in a text as its own."""


@dataclass(frozen=True)
class Question:
    """One prompt about one example.

    texts: the texts to judge as shown, in which evidence must be.
    characters: their lengths, the run's own first.
    swapped: whether the run's own text is shown second.
    """

    id: str
    prompt: str
    texts: tuple[str, ...]
    characters: tuple[int, ...]
    swapped: bool = False


def wording(ask: Ask) -> str:
    """Digest of a prompt's fixed words and limits."""
    limits = f"{PROFILE_TEXTS} {PROFILE_CHARACTERS} {TURNS.pattern}"
    return hashlib.sha256(f"{_template(ask)}{limits}".encode()).hexdigest()[:12]


def aspects_question(task: Task, example: Example, reference: str, text: str) -> Question:
    """Scores of one text, with evidence."""
    blocks = {**context(task, example, reference), "TEXT TO JUDGE": text}
    return Question(example.id, prompt_of("aspects", blocks), (text,), (len(text),))


def pair_questions(
    task: Task, example: Example, reference: str, texts: tuple[str, str]
) -> tuple[Question, Question]:
    """Which of two texts is better, in both orders.

    texts: the run's own, then the other's.
    """
    known = context(task, example, reference)
    own, other = texts

    def question(first: str, second: str, swapped: bool) -> Question:
        prompt = prompt_of("pairs", {**known, "TEXT 1": first, "TEXT 2": second})
        return Question(example.id, prompt, (first, second), (len(own), len(other)), swapped)

    return question(own, other, False), question(other, own, True)


def context(task: Task, example: Example, reference: str) -> dict[str, str]:
    """The request, the author's texts that BM25 ranks first for it, and the real text."""
    ranked = [example.profile[index][task.body] for index in bm25_order(task, example)]
    shown = [text[:PROFILE_CHARACTERS] for text in ranked if text.strip()][:PROFILE_TEXTS]
    others = {f"OTHER TEXT {at} OF THE AUTHOR": text for at, text in enumerate(shown, 1)}
    return {"REQUEST": example.input, **others, "REAL TEXT OF THE AUTHOR": reference}


def prompt_of(ask: Ask, blocks: Mapping[str, str]) -> str:
    """The prompt with each text between two lines with a mark that no text contains."""
    texts = {title: plain(text) for title, text in blocks.items()}
    mark = mark_for(texts.values())
    shown = "\n\n".join(
        f"BEGIN {title} {mark}\n{text}\nEND {title} {mark}" for title, text in texts.items()
    )
    return _template(ask).format(mark=mark, blocks=shown)


def plain(text: str) -> str:
    """The text with a space inside everything that chat templates use as a turn's mark."""
    return TURNS.sub(lambda found: f"{found[0]} ", text)


def mark_for(texts: Iterable[str]) -> str:
    """Twelve hex digits that stand in none of the texts; the same for the same texts."""
    every = "\0".join(texts)
    digest = hashlib.sha256(every.encode()).hexdigest()
    while digest[:MARK] in every.lower():
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:MARK]


def _template(ask: Ask) -> str:
    return (files("harness.judges") / f"templates/{ask}.txt").read_text("utf-8")
