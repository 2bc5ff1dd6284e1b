"""Rows from prompt to text: those that end leave, and waiting prompts take their places."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.engine.batch import Rows, Views
from harness.engine.clock import now
from harness.engine.lean_models import lean_decoder
from harness.engine.lm import PersonalLM, causal_lms
from harness.engine.sampling import NO_TOKEN, Sampler

STAYING = 0.75
"""Rows leave, and others take their place, once at most this share of the places is in use."""


@dataclass(frozen=True)
class Asked:
    """Rows to generate, and when each of them ends.

    prompts, prefixes, views: what each row reads. sampler: rows → a sampler with their streams.
    most: new tokens of a row at most. ends: tokens that end a row and are not part of it.
    stopped: whether a row stops after these new tokens, which all stay in it.
    """

    prompts: Rows
    prefixes: Rows | None
    views: Mapping[str, Rows]
    sampler: Callable[[Sequence[int]], Sampler]
    most: int
    ends: frozenset[int]
    stopped: Callable[[Sequence[int]], bool] | None

    def read_by(self, row: int) -> tuple[object, ...]:
        """All that a row reads: rows that read the same have one prefill."""
        prefix = tuple(self.prefixes[row]) if self.prefixes else ()
        views = (tuple(view[row]) for view in self.views.values())
        return (tuple(self.prompts[row]), prefix, *views)

    def has_ended(self, text: Sequence[int]) -> bool:
        """Whether a row stops after these new tokens."""
        return len(text) == self.most or (self.stopped is not None and self.stopped(text))


@dataclass
class Slots:
    """The rows that are in the model: their numbers, its state, last tokens [B] and the sampler.

    open: places of the rows that have not ended.
    """

    rows: list[int]
    state: Any
    tokens: Tensor
    draw: Sampler
    open: list[int]


class Decoding:
    """All rows of one call, at most `at_once` of them in the model.

    texts: new tokens of each row. failed: row → new tokens before logits that are not finite.
    first_s: seconds of each prefill with its first tokens. steps: how many steps were taken.
    """

    def __init__(self, lm: PersonalLM, asked: Asked, at_once: int) -> None:
        self.lm, self.asked, self.at_once = lm, asked, at_once
        self.waiting = deque(range(len(asked.prompts)))
        self.texts: list[list[int]] = [[] for _ in asked.prompts]
        self.failed: dict[int, int] = {}
        self.first_s: list[float] = []
        self.steps = 0
        self.divides = _knows_its_step(lm, "keep")
        self.joins = self.divides and _knows_its_step(lm, "join")

    def run(self) -> None:
        """Generate every row."""
        while self.waiting:
            slots = self._enter(self.at_once)
            while slots.open:
                slots = self._refilled(slots)
                logits, slots.state = self.lm.step(slots.tokens.clamp_min(0), slots.state)
                slots.tokens = slots.draw(logits)
                self.steps += 1
                self._note(slots)

    def _enter(self, count: int) -> Slots:
        """Prefill waiting prompts and draw their first tokens."""
        begin = now()
        rows = [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]
        draw = self.asked.sampler(rows)
        logits, state = self._prefill(rows)
        slots = Slots(rows, state, draw(logits), draw, list(range(len(rows))))
        self._note(slots)
        self.first_s.append(now() - begin)
        return slots

    def _prefill(self, rows: Sequence[int]) -> tuple[Tensor, Any]:
        """Logits [B,V] and state of rows; those that read the same share one pass if they can."""
        texts = [self.asked.read_by(row) for row in rows]
        place = {text: at for at, text in enumerate(dict.fromkeys(texts))}
        if not self.divides or len(place) == len(rows):
            return self._read(rows)
        logits, state = self._read([rows[texts.index(text)] for text in place])
        copies = torch.tensor([place[text] for text in texts], device=logits.device)
        copied = self.lm.keep(state, copies)
        if copied is None:
            self.divides = self.joins = False  # so that this is tried once
            return self._read(rows)
        return logits[copies], copied

    def _read(self, rows: Sequence[int]) -> tuple[Tensor, Any]:
        asked = self.asked
        prefixes = None if asked.prefixes is None else [asked.prefixes[row] for row in rows]
        views: Views = {name: [view[row] for row in rows] for name, view in asked.views.items()}
        more = {"views": views} if views else {}
        return self.lm.prefill([asked.prompts[row] for row in rows], prefixes, **more)

    def _note(self, slots: Slots) -> None:
        """Add the drawn tokens to the texts of open rows; those that end now are open no longer."""
        ids, going = slots.tokens.tolist(), []  # the only wait for the device
        for place in slots.open:
            row, token = slots.rows[place], ids[place]
            if token == NO_TOKEN:
                self.failed[row] = len(self.texts[row])
            elif token not in self.asked.ends:
                self.texts[row].append(token)
                if not self.asked.has_ended(self.texts[row]):
                    going.append(place)
        slots.open = going

    def _refilled(self, slots: Slots) -> Slots:
        """The open rows without those that ended, and with waiting prompts in their places."""
        count = len(slots.open)
        filling = self.joins and self.waiting and count <= STAYING * self.at_once
        leaving = self.divides and count <= STAYING * len(slots.rows)
        if not (filling or leaving) or (kept := self._kept(slots)) is None:
            return slots
        if not filling:
            return kept
        new = self._kept(self._enter(self.at_once - count))
        return kept if new is None else self._joined(kept, new)

    def _kept(self, slots: Slots) -> Slots | None:
        """The open rows alone; None if there are none, or where rows cannot leave."""
        if len(slots.open) == len(slots.rows):
            return slots
        if not slots.open:
            return None
        places = torch.tensor(slots.open, device=slots.tokens.device)
        state = self.lm.keep(slots.state, places)
        if state is None:
            self.divides = self.joins = False
            return None
        slots.draw.keep(places)
        rows = [slots.rows[place] for place in slots.open]
        return Slots(rows, state, slots.tokens[places], slots.draw, list(range(len(rows))))

    def _joined(self, slots: Slots, new: Slots) -> Slots:
        """All rows of both, none of which has ended."""
        slots.draw.join(new.draw)
        return Slots(
            rows := [*slots.rows, *new.rows],
            self.lm.join(slots.state, new.state),
            torch.cat([slots.tokens, new.tokens]),
            slots.draw,
            list(range(len(rows))),
        )


def rows_join(lm: PersonalLM) -> bool:
    """Whether waiting prompts can take the places of ended rows: all models take the lean step."""
    if not (_knows_its_step(lm, "keep") and _knows_its_step(lm, "join")):
        return False
    lm.eval()
    with torch.inference_mode():
        models = [model for _, model in causal_lms(lm)]
        return bool(models) and all(lean_decoder(model) is not None for model in models)


def _knows_its_step(lm: PersonalLM, name: str) -> bool:
    """Whether `keep` or `join` knows what `step` does: it is defined no higher up."""
    kinds = type(lm).__mro__
    step, other = (next(kind for kind in kinds if each in vars(kind)) for each in ("step", name))
    return issubclass(other, step)
