"""CoT with true analyses: its targets, and that nothing hidden is read at test time."""

import pytest

from baselines.cot import Cot
from baselines.cot_oracle import CotOracle
from harness.data import load_split
from harness.engine.backbone_tokenizer import tokenizer_of
from harness.errors import UsageError
from harness.mini import calls, preferences
from harness.mini.habits import kinds
from harness.settings import build_settings


def test_training_targets_begin_with_the_true_preferences():
    settings = build_settings("mini", ["data.train_limit=3"])
    method = CotOracle(settings)
    pairs = load_split(settings, "train").pairs()
    known = preferences("product_review", "user", "train")
    for pair, target in zip(pairs, method.targets(None, pairs), strict=True):
        assert target.text == pair.reference.text
        assert target.preface[-len(method.between) :] == method.between
        analysis = tokenizer_of("mini").decode(target.preface[: -len(method.between)])
        assert len(target.preface) < method.longest_preface(training=True)
        for words in known[pair.example.id]:
            if words not in ("good first", "bad first", "alternating"):
                assert words.removesuffix("x").casefold() in analysis.casefold(), words


@pytest.mark.parametrize("split", ["train", "val"])
def test_an_analysis_shows_the_preferences_at_the_texts_own_time(split: str):
    # in the temporal setting they change between the splits, and the held-out kind starts in test
    settings = build_settings("mini", ["data.setting=temporal", f"data.{split}_limit=20"])
    method = CotOracle(settings)
    pairs = load_split(settings, split).pairs()
    known = calls("product_review", "temporal", split)
    for pair, target in zip(pairs, method.targets(None, pairs), strict=True):
        analysis = tokenizer_of("mini").decode(target.preface[: -len(method.between)])
        own = {call.kind: call.expected for call in known[pair.example.id]}
        for kind in ("praise", "blame", "catchphrase", "closing"):
            assert own[kind] in analysis, kind
        assert not any(tag in analysis.lower() for tag in kinds("product_review")["tag"].values)


def test_at_test_time_it_is_cot():
    assert CotOracle.prompt is Cot.prompt
    assert CotOracle.preface is Cot.preface


def test_other_data_are_refused():
    settings = build_settings("mini", ["data.source=hub"])
    with pytest.raises(UsageError, match=r"data.source = hub; only the built-in benchmark"):
        CotOracle(settings)
