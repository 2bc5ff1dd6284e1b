"""The numbers of docs/mini.md are those of published records, packaged cards and the texts."""

import json
import re
from itertools import product
from statistics import fmean, median

import pytest

from benchmarks.mini_choices import PUBLISHED
from benchmarks.mini_following import SHOWN, following, records, table
from harness.data import load_split
from harness.metrics.slices import TOKENIZER
from harness.mini import rows
from harness.record import read_predictions
from harness.settings import build_settings
from tests.support.pages import ROOT

TASKS = ("product_review", "abstract_generation", "topic_writing")


@pytest.fixture(scope="module")
def page():
    return " ".join((ROOT / "docs" / "mini.md").read_text("utf-8").split())


def test_preferences_by_kind(page):
    found = records()
    assert " ".join(table(found)) in page
    skyline, sft = following(found["skyline"]), following(found["sft"])
    assert {following(found[name]).floor for name in SHOWN} == {sft.floor}
    assert (
        f"drawn at random, is {sft.floor:.1f}; chance is {sft.chance:.1f}, the skyline"
        f" {skyline.value:.1f}."
    ) in page
    closings = [following(found[name]).groups["kind"]["closing"] for name in SHOWN]
    assert all(f"more closings than chance ({each.chance:.1f})" in page for each in closings)
    assert all(each.low < each.chance for each in closings)


def test_repetition_of_the_published_run(page):
    sft = records()["sft"]
    texts = read_predictions(PUBLISHED / "mini" / "product_review" / "sft" / sft.run_id)
    references = load_split(build_settings("mini"), "test").references
    own = [each.output.split() for each in texts]
    others = [references[each.id].text.split() for each in texts]
    repeated, length = (
        sft.quality["repeated_4grams"],
        fmean(map(len, own)) / fmean(map(len, others)),
    )
    said = (
        f"**{repeated.value:.1f}** | **{_repeated(own):.1f}** |"
        f" **{following(sft).value:.1f}** | {length:.2f} |"
    )
    assert said in page
    assert f"slice tokens (references: {repeated.references:.1f})" in page
    assert f"of words (references: {_repeated(others):.1f})" in page


def _repeated(texts):
    """4-grams of words that the same text had before, in %; the mean over texts."""
    grams = [list(zip(*(text[start:] for start in range(4)), strict=False)) for text in texts]
    return 100 * fmean(1 - len(set(each)) / len(each) for each in grams)


@pytest.mark.parametrize("name", ["mini", "mini-sixth", "mini-half", "mini-large"])
def test_a_backbone_is_that_of_its_card(page, name):
    path = ROOT / "harness" / "mini" / "backbones" / name / "card.json"
    card = json.loads(path.read_text("utf-8"))
    first, more = card["steps"] - sum(card["more"]), sum(card["more"])
    at = {point["step"]: point for point in card["curve"]}
    last = at[card["steps"]]
    assert (
        f"| {name} | {card['parameters'] / 1e6:.2f} M | {first:,} + {more} |"
        f" {last['own']:.2f}, {last['other']:.2f} |"
    ) in page
    assert f"from {at[first]['own']:.2f} to {last['own']:.2f}" in page


def test_lengths_of_the_targets(page):
    sizes = [
        [len(re.findall(TOKENIZER, row["output"])) for row in rows(task, setting, split)]
        for task, setting, split in product(TASKS, ("user", "temporal"), ("train", "val", "test"))
    ]
    middles = [round(median(each)) for each in sizes]
    assert (
        f"{min(map(min, sizes))}–{max(map(max, sizes))} slice tokens"
        f" (medians {min(middles)}–{max(middles)})"
    ) in page
