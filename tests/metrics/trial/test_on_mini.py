"""The known truth: on the built-in benchmark a measure of the hidden preferences passes."""

from __future__ import annotations

import re

from harness.data.load import load_split, rewriter
from harness.metrics.base import MeanMetric
from harness.metrics.trial.planted import VERSION, plant
from harness.metrics.trial.result import on_trial
from harness.mini import preferences
from harness.mini.habits import kinds
from harness.pipeline.evaluate.texts import metrics_of
from harness.record.digest import json_sha256
from harness.record.reading import from_json
from harness.record.state import write_json
from harness.record.trials import Trial
from harness.registry import find
from harness.settings import build_settings

WORDS = ("opening", "intensifier", "praise", "catchphrase", "hedge", "blame", "tag", "closing")


class Truth(MeanMetric):
    """The share of the author's words of each kind that occur, and no other word of that kind."""

    name = "truth"

    def __init__(self):
        self._known = preferences("product_review", "user", "test")

    def score(self, pair):
        text, known = " ".join(pair.prediction.split()), kinds("product_review")
        own = set(self._known[pair.example.id])
        shown = [
            {word for word in known[kind].values.values() if re.search(rf"(?i)\b{word}\b", text)}
            for kind in WORDS
        ]
        return 100 * sum(bool(each) and each <= own for each in shown) / len(shown)


def test_measures_of_the_hidden_preferences_pass(tmp_path):
    settings = build_settings("mini", ["data.limit=20", "eval.metrics=[]"])
    test = load_split(settings, "test")
    plants = plant(find("task", test.task), test, 0, rewriter(settings.data, test))
    found = on_trial(plants, [*metrics_of(test, settings.eval), Truth()], test, settings)
    for name in ("following", "truth"):
        one = found.metrics[name]
        assert one.outcome == "passes"
        assert one.auc["own_over_other"].value == 100
        assert one.auc["padded_over_own"].value < 20
    assert found.controls["text length"].outcome == "fails"
    assert found.controls["profile overlap"].failed == ("copied_over_own",)
    assert (found.source, found.users, found.left_out) == ("mini", 20, 0)
    path = write_json(tmp_path / "trial.json", found)
    assert from_json(Trial, path.read_text(), str(path)) == found


def test_a_planted_text_changes_only_with_the_version():
    # our own output, as an alarm: stored trials of other texts are not to be read as of these
    settings = build_settings("mini", ["data.limit=20"])
    test = load_split(settings, "test")
    plants = plant(find("task", test.task), test, 0, rewriter(settings.data, test))
    texts = [{kind: list(own) for kind, own in each.texts.items()} for each in plants.rounds]
    assert (VERSION, json_sha256(texts)[:12]) == (1, "669081e58618")
