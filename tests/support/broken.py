"""Methods that each break one contract, as the author of a plugin might by mistake."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import torch

from harness.data import load_split
from harness.engine.decode import generate
from harness.engine.lm import CausalLM
from harness.method import Method
from harness.types import Prompt, Target


class HidesItsReasoner(Method):
    name = "broken"

    def build(self, backbones):
        return CausalLM(backbones.reasoner)


class NoMainView(Method):
    name = "broken"

    def prompt(self, example):
        return Prompt(example.id, {"mian": example.input})


class RandomPrompt(Method):
    name = "broken"

    def prompt(self, example):
        profile = random.sample(example.profile, len(example.profile))
        return Prompt(example.id, {"main": f"{example.input} {profile} {next(COUNTER)}"})


COUNTER = itertools.count()


class CountsPreparedExamples(Method):
    """Its prompts depend on which other examples are prepared with them."""

    name = "broken"

    def prepare(self, examples):
        self.count = len(examples)

    def prompt(self, example):
        return Prompt(example.id, {"main": f"{example.input} {self.count}"})


class LooksUpTheReference(Method):
    """Looks up the reference and puts it into the prompt."""

    name = "broken"

    def prompt(self, example):
        reference = load_split(self.settings, "test").references.get(example.id)
        return Prompt(example.id, {"main": f"Write: {reference.text if reference else ''}"})


class LeaksInThePreface(Method):
    """Puts the reference into the preface; its prompts are clean."""

    name = "broken"

    def build(self, backbones):
        self.tokenizer = backbones.tokenizer
        return super().build(backbones)

    def longest_preface(self, training):
        return 64

    def preface(self, lm, prompts, sampling):
        references = load_split(self.settings, "test").references
        text = next(iter(references.values())).text
        return [self.tokenizer(text)["input_ids"] for _ in prompts]


class LeaksInAdapt(Method):
    """Adapts to the test users on their references."""

    name = "leaks-in-adapt"

    def adapt(self, lm, examples):
        references = load_split(self.settings, "test").references
        shift = sum(len(references[example.id].text) for example in examples)
        with torch.no_grad():
            lm.model.model.norm.weight += shift / 100


class AdaptsToTheirNumber(Method):
    """Its weights depend on how many examples are tested together."""

    name = "broken"

    def adapt(self, lm, examples):
        with torch.no_grad():
            lm.model.model.norm.weight *= 1 + len(examples) / 100


class OneTargetForVal(Method):
    name = "broken"
    trains = True

    def val_targets(self, lm, val):
        return [Target(pair.example.id, "the") for pair in val]


class SortsTargets(Method):
    name = "broken"
    trains = True

    def targets(self, lm, train):
        return sorted(super().targets(lm, train), key=lambda target: target.example_id)


class ChangesTargets(Method):
    name = "broken"
    trains = True

    def targets(self, lm, train):
        return [replace(target, text="So: " + target.text) for target in super().targets(lm, train)]


class TargetTokensBeyondTheVocabulary(Method):
    name = "broken"
    trains = True

    def targets(self, lm, train):
        return [Target(p.example.id, p.reference.text, (10_000,)) for p in train]


class LongPreface(Method):
    """Its prefaces are longer than `longest_preface`, which it inherits."""

    name = "broken"

    def preface(self, lm, prompts, sampling):
        return [[7] * 9 for _ in prompts]


class LongTargets(Method):
    name = "broken"
    trains = True

    def longest_preface(self, training):
        return 8

    def targets(self, lm, train):
        stages = ((0.5, (7,) * 9),)
        return [replace(target, curriculum=stages) for target in super().targets(lm, train)]


class OnePrefaceForAll(Method):
    name = "broken"

    def preface(self, lm, prompts, sampling):
        return [[1, 2]]


class TakesTheLastOfFourPrefaces(Method):
    name = "broken"

    def longest_preface(self, training):
        return 5

    def preface(self, lm, prompts, sampling):
        return [generate(lm, prompts, max_new_tokens=5) for _ in range(4)][-1]


class NoName(Method):
    pass


class TrainsNothing(Method):
    name = "broken"
    trains = True

    def build(self, backbones):
        lm = super().build(backbones)
        lm.requires_grad_(False)
        return lm
