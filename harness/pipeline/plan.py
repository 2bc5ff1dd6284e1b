"""The plan of a run, made before any model is loaded: data, method, prompts, name, folder."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.engine.adapters import add_adapters, merge_adapters
from harness.engine.backbone import Backbones
from harness.engine.ends import Ends
from harness.engine.generation_config import advice, not_applied, requested
from harness.engine.micro_batches import TrainRow
from harness.engine.model_files import model_json
from harness.engine.template import describe_template
from harness.engine.text import encode_prompt, plain_ids
from harness.engine.visible_text import TextRules, rules_of
from harness.errors import DataError
from harness.inputs.collect import collect
from harness.inputs.origin import origin_of
from harness.method import Factory, Method, made, reference_targets, refuse_long_preface
from harness.pipeline.encoded_prompt import EncodedPrompt, Part
from harness.pipeline.prepared_prompts import is_prepared, prepared_parts
from harness.pipeline.prepared_targets import prepared_targets
from harness.plugins import plugin_sha256
from harness.record.inputs import Inputs
from harness.registry import find
from harness.statistics import Panel
from harness.types import Example, Prompt, SplitData, Target, TrainingPair

if TYPE_CHECKING:
    from harness.engine.lm import PersonalLM
    from harness.settings import RunSettings


class Plan:
    """Everything about a run that is known before a model is loaded.

    splits: data by name ("train" and "val" only where the method trains).
    """

    def __init__(
        self,
        settings: RunSettings,
        method_name: str,
        results: Path,
        factory: Factory | None = None,
    ) -> None:
        from harness.data import describe_source
        from harness.data.load import load_for_run
        from harness.metrics import ready_metric

        for name in settings.eval.metrics:
            ready_metric(name, settings.eval)  # an unknown metric stops the run before training
        factory = factory or find("method", method_name)
        self.settings = settings
        self.method = made(factory, settings)
        names = ["train", "val", "test"] if self.method.trains else ["test"]
        self.splits: dict[str, SplitData] = load_for_run(settings, names)
        self.source = describe_source(settings, self.splits)
        self.results = results
        self.fresh = False
        """Take no prompt from a cache."""
        self.tokens_at_once = settings.decode.tokens_at_once
        """Most tokens in a batch of texts; lowered where memory is low (engine.token_bound)."""

    @property
    def test(self) -> SplitData:
        return self.splits["test"]

    def panel(self, ids: Iterable[str]) -> Panel:
        """The users of these test examples, to be resampled as the settings say."""
        users = tuple(self.test.references[key].user_id for key in ids)
        return Panel(users, self.test.fingerprint, self.settings.eval.resamples)

    @cached_property
    def backbones(self) -> Backbones:
        return Backbones(self.settings.model)

    def build(self, backbones: Backbones | None = None) -> PersonalLM:
        """The method's model before training, with the adapters that the settings ask for.

        backbones: by default the plan's own.
        """
        lm = self.method.build(backbones or self.backbones)
        if self.method.trains:
            add_adapters(lm, self.settings.model, self.settings.seed)
        else:
            merge_adapters(lm)
        return lm

    @cached_property
    def rules(self) -> TextRules:
        """How tokens become text: ends, stop strings, reasoning blocks."""
        return rules_of(self.settings, trained=self.method.trains)

    @property
    def ends(self) -> Ends:
        return self.rules.ends

    @cached_property
    def about_text(self) -> dict[str, Any]:
        """The record's entry on texts: the rendered chat template, the end tokens, and the parts of
        the model's generation_config that are not applied."""
        tokenizer, (location, commit) = self.backbones.tokenizer, self.backbones.files
        config = requested(model_json(location, "generation_config.json", commit))
        return {
            "template": describe_template(tokenizer),
            "ends": self.ends.described(tokenizer),
            "generation_config": {
                "asks": config,
                "not_applied": not_applied(config, self.settings.decode),
            },
        }

    @property
    def advice(self) -> str | None:
        """A message about a generation_config that is not applied, or None."""
        ignored = self.about_text["generation_config"]["not_applied"]
        return advice(self.settings.model.backbone, ignored)

    @cached_property
    def run_id(self) -> str:
        """The seed, then twelve hex digits over settings, data and a plugin's file."""
        seedless = self.settings.model_copy(update={"seed": 0})
        prints = {name: split.fingerprint for name, split in sorted(self.splits.items())}
        source = plugin_sha256(type(self.method))
        text = json.dumps(
            [seedless.digest(), self.method.name, prints, *([source] if source else [])]
        )
        return f"s{self.settings.seed}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @cached_property
    def inputs(self) -> Inputs:
        """Every outside input by its content, as it was on first access."""
        return self.inputs_now()

    def inputs_now(self) -> Inputs:
        """Every outside input by its content, read from disk again."""
        prints = {name: split.fingerprint for name, split in self.splits.items()}
        return collect(self.settings, origin_of(self.method.name, type(self.method)), prints)

    @cached_property
    def folder(self) -> Path:
        return self.results / self.settings.task / self.method.name / self.run_id

    def encode(self, examples: Sequence[Example]) -> list[EncodedPrompt]:
        """The method's prompt for each example, through the chat template, in tokens."""
        if self.method.workspace is not None:  # in a run, not in its dry run
            self.method.prepare(examples)
        if not is_prepared(self, examples):
            return [EncodedPrompt.of(example, self._part(example)) for example in examples]
        parts = prepared_parts(self, examples, self._part, self.fresh)
        return [EncodedPrompt.of(*both) for both in zip(examples, parts, strict=True)]

    def _main_view(self, example: Example, prompt: Prompt) -> str:
        if "main" not in prompt.views:
            raise DataError(
                f"method {self.method.name!r}, example {example.id}: prompt() gave the views"
                f' {sorted(prompt.views)}; expected "main" among them, which every method needs'
            )
        return prompt.views["main"]

    def _part(self, example: Example) -> Part:
        prompt = self.method.prompt(example)
        main = self._main_view(example, prompt)
        views = {
            name: tuple(encode_prompt(self.backbones.tokenizer, text))
            for name, text in prompt.views.items()
        }
        return Part(views, prompt.cut, main, prompt.tied)

    @cached_property
    def test_prompts(self) -> list[EncodedPrompt]:
        """The test prompts. A backbone without an end token is refused here, before training."""
        assert self.ends.trained
        return self.encode(self.test.examples)

    def shown(self, pairs: Sequence[TrainingPair]) -> list[TrainingPair]:
        """Training pairs after profile dropout: a seeded share has an empty profile."""
        share = self.settings.train.profile_dropout
        draw = random.Random(f"profile dropout {self.settings.seed}")
        bare = set(draw.sample(range(len(pairs)), round(share * len(pairs))))
        return [
            replace(pair, example=replace(pair.example, profile=())) if index in bare else pair
            for index, pair in enumerate(pairs)
        ]

    def pairs(self, name: Literal["train", "val"]) -> list[TrainingPair]:
        """The pairs of a split as training uses them."""
        pairs = self.splits[name].pairs()
        return self.shown(pairs) if name == "train" else pairs

    def encoded(self, name: Literal["train", "val"]) -> list[EncodedPrompt]:
        """The prompts of `pairs(name)`, encoded once: this takes minutes on real data."""
        if name not in self._encoded:
            shown, whole = [pair.example for pair in self.pairs(name)], self.splits[name].examples
            if is_prepared(self, whole):
                # the prompts with profile serve every seed; those without are the seed's own
                changed = [new for new, old in zip(shown, whole, strict=True) if new is not old]
                bare = iter(self.encode(changed))
                with_profile = zip(shown, whole, self.encode(whole), strict=True)
                self._encoded[name] = [
                    known if one is other else next(bare) for one, other, known in with_profile
                ]
            else:
                self._encoded[name] = self.encode(shown)
        return self._encoded[name]

    @cached_property
    def _response(self) -> Callable[[str], tuple[int, ...]]:
        """A target's tokens, once for the check of lengths and for training."""
        known: dict[str, tuple[int, ...]] = {}
        for name in ("train", "val"):
            if name in self.splits:
                known |= prepared_targets(self, self.splits[name])
        new = cache(lambda text: tuple(plain_ids(self.backbones.tokenizer, text)))
        return lambda text: known[text] if text in known else new(text)

    @cached_property
    def _encoded(self) -> dict[str, list[EncodedPrompt]]:
        return {}

    def rows_of(self, other: Method) -> list[TrainRow]:
        """The training rows of another method on these data, with the references as targets."""
        plan = copy(self)
        plan.method, plan._encoded = other, {}
        pairs = plan.pairs("train")
        return plan.rows(pairs, reference_targets(pairs), plan.encoded("train"))[0]

    def rows(
        self,
        pairs: Sequence[TrainingPair],
        targets: Sequence[Target],
        encoded_prompts: Sequence[EncodedPrompt] | None = None,
    ) -> tuple[list[TrainRow], int]:
        """Training rows, and how many of their targets were cut to the budget.

        pairs: the examples with their references.
        targets: what training imitates, one for each pair in the same order.
        encoded_prompts: the prompts of these pairs, where they are encoded already.

        A cut target gets no end token, because its text did not end there. Raises DataError for a
        target without tokens or with a too long preface, and where targets and pairs do not match.
        """
        rows, cut = [], 0
        most = self.settings.budget.target
        if len(targets) != len(pairs):
            raise DataError(
                f"method {self.method.name!r}: targets() gave {len(targets)} targets for"
                f" {len(pairs)} pairs; expected one a pair, in their order"
            )
        encoded_prompts = encoded_prompts or self.encode([pair.example for pair in pairs])
        for encoded, target in zip(encoded_prompts, targets, strict=True):
            if target.example_id != encoded.example.id:
                raise DataError(
                    f"method {self.method.name!r}: target for {target.example_id!r} where"
                    f" {encoded.example.id!r} was expected; targets() keeps the order of its pairs"
                )
            for preface in (target.preface, *(each for _, each in target.curriculum)):
                refuse_long_preface(self.method, preface, target.example_id, training=True)
            ids = self._response(target.text)
            if not ids:
                raise DataError(
                    f"training example {target.example_id}: its target {target.text!r} has no"
                    " token; expected text. Leave the example out of the data"
                )
            end = self.ends.trained
            whole = len(ids) + len(end) <= most  # the end token counts too
            cut += not whole
            text = (*ids, *end) if whole else ids[:most]
            curriculum = tuple((until, preface + text) for until, preface in target.curriculum)
            response = target.preface + text
            rows.append(
                TrainRow(encoded.example.id, encoded.prompt, response, encoded.views, curriculum)
            )
        return rows, cut
