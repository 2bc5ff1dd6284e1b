"""PAG: a summary of the user stands before the retrieved entries (arXiv 2310.20081).

The paper: an LLM that is not trained writes a summary of the user's data offline, once. At test
time the prompt is the summary, the retrieved entries and the input, and the downstream model is
trained on such prompts. With a summary, fewer entries are needed (abstract: 75 % less data).

The paper's summaries are written by a larger model, with instructions for each task. Our choices:
the backbone writes them, before it is trained, with one instruction for all tasks and the run's own
sampling; it reads the newest entries that fit `budget.profile`. A summary counts towards that
budget in the prompt, so entries get the rest, and no method reads more than another. "Once" is once
for each profile: a user's profile differs between examples, since it never holds the target.

Costs: summaries of training and val users are training time (phases `targets`, `val_targets`);
those of test users are hidden text, in the record's `user_work_*`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from harness.data.content import task_digest
from harness.engine.backbone import Backbones, weights_fingerprint
from harness.engine.clock import now
from harness.engine.decode import generate
from harness.engine.devices import devices, number_type, place
from harness.engine.flops import NoEstimateError, generation_flops
from harness.engine.lm import CausalLM, PersonalLM
from harness.engine.template import describe_template
from harness.engine.text import encode_prompt
from harness.engine.train import precision
from harness.engine.visible_text import rules_of
from harness.inputs.provenance import engine_versions, method_sha256
from harness.method import Method
from harness.record import append_lines, read_lines
from harness.record.digest import json_sha256
from harness.settings import Section
from harness.types import Entry, Example, Prompt, Sampling, Target, TrainingPair, UserWork

log = logging.getLogger(__name__)

REQUEST = (
    "\n\nIn three sentences and in your own words, say what this user likes and cares about and how"
    " they write, so that another writer could do it their way."
)
"""What the backbone is asked for, after the user's entries."""


class PagOptions(Section):
    summary_tokens: int = Field(128, ge=1)
    """Budget of a summary in tokens; never more than half of `budget.profile`."""


@dataclass(frozen=True)
class Summary:
    """A summary of one profile, and what it cost. key: of the profile."""

    key: str
    text: str
    tokens: int
    seconds: float
    flops: int | None


class Pag(Method):
    """SFT on prompts that begin with a summary of the user by the untrained backbone."""

    name = "pag"
    trains = True
    Options: ClassVar[type[Section]] = PagOptions
    options: PagOptions

    @cached_property
    def summaries(self) -> dict[str, Summary]:
        """The summaries so far, by key of their profile."""
        return {}

    @property
    def budget(self) -> int:
        """Most tokens of a summary."""
        return max(1, min(self.options.summary_tokens, self.settings.budget.profile // 2))

    def prepare(self, examples: Sequence[Example]) -> None:
        """Write the summaries of these examples' users that are not there yet."""
        profiles = {key_of(each.profile): each.profile for each in examples if each.profile}
        if profiles.keys() <= self.summaries.keys():
            return
        # 1. The backbone before training, and the file for everything that it depends on
        lm = self._backbone()
        path = None
        if self.workspace is not None:
            path = self.workspace / f"summaries-{self._fingerprint(lm)}.jsonl"
            known = read_lines(Summary, path, log.warning)
            self.summaries.update({each.key: each for each in known})
        # 2. Fixed batches by length, so that an interrupted run writes the same summaries
        requests = {
            key: encode_prompt(self.rules.tokenizer, self.request(profile))
            for key, profile in profiles.items()
        }
        ordered = sorted(requests, key=lambda key: (-len(requests[key]), key))
        update, size = self.track("summaries"), self.settings.decode.batch_size
        for start in range(0, len(ordered), size):
            keys = ordered[start : start + size]
            if any(key not in self.summaries for key in keys):
                self._write(lm, {key: requests[key] for key in keys}, path)
            update(start + len(keys), len(ordered), "")

    def request(self, profile: Sequence[Entry]) -> str:
        """What the backbone reads: the newest entries that fit the budget, then the request."""
        task, most, cutter = self.writer.task, self.settings.budget.profile, self.writer.cutter
        phrases: list[str] = []
        for entry in reversed(profile):  # the newest entry is the last
            longer = [task.phrase(entry), *phrases]
            if cutter.count(task.separator.join(longer)) > most:
                break
            phrases = longer
        if not phrases:
            phrases = [cutter.shorten(task.phrase(profile[-1]), most)]
        return task.separator.join(phrases) + REQUEST

    def prompt(self, example: Example) -> Prompt:
        """The summary, then the shared prompt with the entries that fit the rest of the budget."""
        summary = self.summaries.get(key_of(example.profile)) if example.profile else None
        if summary is None or not summary.text:
            return super().prompt(example)
        rest = self.settings.budget.profile - self.writer.cutter.count(summary.text)
        writer = copy(self.writer)
        writer.budget = self.settings.budget.model_copy(update={"profile": max(1, rest)})
        prompt = writer.write(example)
        main = f"{summary.text}\n{prompt.views['main']}"
        return Prompt(example.id, {"main": main}, prompt.cut, prompt.tied)

    def targets(self, lm: PersonalLM, train: Sequence[TrainingPair]) -> Sequence[Target]:
        """The references. The summaries in their prompts count as work on the targets."""
        self._count("summaries", train)
        return super().targets(lm, train)

    def val_targets(self, lm: PersonalLM, val: Sequence[TrainingPair]) -> Sequence[Target]:
        self._count("val_summaries", val)
        return super().targets(lm, val)

    def _count(self, key: str, pairs: Sequence[TrainingPair]) -> None:
        examples = [pair.example for pair in pairs]
        self.prepare(examples)
        work = self.user_work(examples)
        self.report[key] = {"tokens": work.tokens, "seconds": work.seconds}
        self._counted.update({key_of(each.profile): each for each in examples})
        self.target_flops = self.user_work([*self._counted.values()]).flops or 0

    @cached_property
    def _counted(self) -> dict[str, Example]:
        """An example of training or val for each profile: both may share one."""
        return {}

    def user_work(self, examples: Sequence[Example]) -> UserWork:
        """What the summaries of these examples' users cost."""
        keys = dict.fromkeys(key_of(each.profile) for each in examples if each.profile)
        found = [self.summaries[key] for key in keys if key in self.summaries]
        return sum((UserWork(s.seconds, s.tokens, s.flops) for s in found), UserWork())

    def _backbone(self) -> CausalLM:
        lm = CausalLM(Backbones(self.settings.model).main)
        place(lm, devices(self.settings.model)[:1])
        return lm

    def _write(
        self, lm: CausalLM, requests: Mapping[str, Sequence[int]], path: Path | None
    ) -> None:
        """Generate the summaries of one batch; those that are new are kept in memory and on disk.

        requests: key → prompt in tokens.
        """
        rules, prompts, begin = rules_of(self.settings, trained=False), [*requests.values()], now()
        with precision(lm.device, number_type(self.settings.model, lm.device)):
            texts = generate(
                lm,
                prompts,
                max_new_tokens=self.budget,
                **self._sampling.drawing,
                **rules.stopping,
                seeds=[int(json_sha256(self.settings.seed, key)[:15], 16) for key in requests],
            )
        seconds = (now() - begin) / len(texts)
        made = [
            Summary(key, rules.read(ids).text.strip(), len(ids), seconds, _flops(lm, prompt, ids))
            for (key, prompt), ids in zip(requests.items(), texts, strict=True)
        ]
        fresh = [each for each in made if each.key not in self.summaries]
        self.summaries.update({each.key: each for each in fresh})
        if path is not None:
            append_lines(path, fresh, seal=True)

    @property
    def _sampling(self) -> Sampling:
        return Sampling(seed=self.settings.seed, **self.settings.decode.drawing)

    def _fingerprint(self, lm: CausalLM) -> str:
        """Sixteen hex digits for everything that could change a summary besides its request."""
        parts = [
            weights_fingerprint(lm),
            asdict(self._sampling),
            [self.budget, self.settings.budget.profile, self.settings.decode.batch_size],
            [lm.device.type, str(number_type(self.settings.model, lm.device))],
            method_sha256(type(self), self.settings.method),
            task_digest(self.writer.task),
            describe_template(self.rules.tokenizer),
            engine_versions(),
        ]
        return json_sha256(*parts, sort_keys=True)[:16]


def key_of(profile: Sequence[Entry]) -> str:
    """Twelve hex digits for the content of a profile."""
    return json_sha256([dict(entry) for entry in profile])[:12]


def _flops(lm: CausalLM, prompt: Sequence[int], text: Sequence[int]) -> int | None:
    try:
        return generation_flops(lm, [prompt], [text])
    except NoEstimateError:
        return None
