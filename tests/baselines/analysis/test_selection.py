"""The analysis of an example: the requested one, a blind one in its place, or none."""

import pytest

from baselines.analysis import analyse, generation
from baselines.analysis.selection import copied_share
from baselines.cot import Cot
from baselines.options import AnalysisOptions
from harness.conformance.world import World
from harness.engine.flops import generation_flops
from harness.inputs import provenance

ONE_TO_TEN = "one two three four five six seven eight nine ten"

COPIED_SHARES = [  # text, reference, share of the text's 8-grams
    (ONE_TO_TEN, ONE_TO_TEN, 1.0),  # 3 of 3
    ("One, two; THREE four five six seven eight!", ONE_TO_TEN, 1.0),  # 1 of 1, folded
    ("zero one two three four five six seven eight", ONE_TO_TEN, 0.5),  # one–eight of 2
    ("eight seven six five four three two one", ONE_TO_TEN, 0.0),
    ("one two three four five six seven", ONE_TO_TEN, 0.0),  # seven words: no 8-gram
    ("", ONE_TO_TEN, 0.0),
    (ONE_TO_TEN, "one two", 0.0),
]


@pytest.mark.parametrize(("text", "reference", "share"), COPIED_SHARES)
def test_copied_share(text, reference, share):
    assert copied_share(text, reference) == share


@pytest.fixture
def made(world):
    """A fresh method and its base model: (plan, lm, pairs)."""
    plan = world.plan()
    return plan, world.build(plan), plan.splits["train"].pairs()


@pytest.fixture
def scripted(world, monkeypatch):
    """Replace generation by two functions of the request's text."""
    tokenizer = world.shared.backbones.tokenizer

    def script(hindsight, blind):
        def generate(lm, prompts, *, max_new_tokens, **_):
            asked = [tokenizer.decode(prompt) for prompt in prompts]
            texts = [(hindsight if "in the end" in text else blind)(text) for text in asked]
            return [tokenizer(text)["input_ids"][:max_new_tokens] for text in texts]

        monkeypatch.setattr(generation, "generate", generate)

    return script


def reference_in(asked):
    return asked.partition("in the end:\n\n")[2].partition("\n\nDo not")[0]


def never(_):
    raise AssertionError("a reference was shown")


def test_a_copied_analysis_is_replaced_and_counted(made, scripted):
    plan, lm, pairs = made
    tokenizer = plan.backbones.tokenizer
    texts = [pair.reference.text for pair in pairs]
    last = plan.method.prompt(pairs[5].example).views["main"]
    innocent = "likes tea and quiet lamps and never a loud one"
    # a blind request does not contain the text; for the last example the script returns it anyway
    scripted(reference_in, lambda asked: texts[5] if last in asked else innocent)
    analyses = analyse(plan.method, AnalysisOptions(analysis_tokens=60), lm, pairs)
    long_enough = [len(text.split()) >= 8 for text in texts]  # fewer words: no 8-gram
    assert long_enough == [False, False, True, True, True, True]
    ids = [pair.example.id for pair in pairs]
    kept = [tuple(tokenizer(text)["input_ids"]) for text in (*texts[:2], *3 * [innocent])]
    assert analyses.kept == dict(zip(ids, [*kept, ()], strict=True))
    assert analyses.counts == {
        "planned": 6,
        "variant": "hindsight",
        "rejected": 4,
        "replaced_by_blind": 3,
        "replaced_by_none": 1,
        "separator_appended": 0,
        "empty": 0,
        "tokens": sum(map(len, kept)),
    }


@pytest.mark.parametrize(("most", "rejected"), [(0.0, 4), (1.0, 0)])
def test_the_largest_copied_share_is_a_setting(made, scripted, most, rejected):
    plan, lm, pairs = made
    scripted(reference_in, lambda _: "likes tea")
    options = AnalysisOptions(analysis_tokens=60, max_copied=most)
    analyses = analyse(plan.method, options, lm, pairs)
    assert analyses.counts["rejected"] == rejected


def test_an_analysis_without_end_is_counted(made, scripted):
    plan, lm, pairs = made
    scripted(lambda _: "likes tea and quiet lamps", lambda _: "")
    options = AnalysisOptions(analysis_tokens=3)
    analyses = analyse(plan.method, options, lm, pairs)
    assert analyses.counts["separator_appended"] == len(pairs)
    assert analyses.counts["tokens"] == 3 * len(pairs)


def test_flops_count_all_tokens_that_were_generated(made, monkeypatch):
    plan, lm, pairs = made
    ids = plan.backbones.tokenizer("<think>a lamp</think>likes tea")["input_ids"]
    asked = []

    def generate(lm, prompts, **_):
        asked.extend(prompts)
        return [ids for _ in prompts]

    monkeypatch.setattr(generation, "generate", generate)
    options = AnalysisOptions(variant="blind", analysis_tokens=100)
    analyses = analyse(plan.method, options, lm, pairs)
    assert all(0 < len(kept) < len(ids) for kept in analyses.kept.values())
    assert plan.method.target_flops == generation_flops(lm, asked, [ids] * len(asked))


def test_blind_requests_never_contain_the_reference(made, scripted):
    plan, lm, pairs = made
    scripted(never, lambda _: "likes tea")
    options = AnalysisOptions(variant="blind")
    analyses = analyse(plan.method, options, lm, pairs)
    assert analyses.counts["variant"] == "blind"
    assert analyses.counts["planned"] == len(pairs)


def test_analyses_are_reused_only_under_the_same_fingerprint(made, tmp_path):
    plan, lm, pairs = made
    options = AnalysisOptions(analysis_tokens=8)
    plan.method.workspace = tmp_path

    def files_after(options, pairs):
        analyse(plan.method, options, lm, pairs)
        return len(list(tmp_path.iterdir()))

    first = analyse(plan.method, options, lm, pairs)
    assert analyse(plan.method, options, lm, pairs) == first
    assert files_after(options, pairs) == 1
    assert files_after(options, pairs[:3]) == 2
    assert files_after(AnalysisOptions(analysis_tokens=9), pairs) == 3
    next(lm.parameters()).data[0] += 1
    assert files_after(options, pairs) == 4


def test_an_analysis_is_requested_for_the_methods_prompt(world, scripted):
    class Shouts(Cot):
        def prompt(self, example):
            whole = super().prompt(example)
            return type(whole)(example.id, {"main": whole.views["main"].upper()})

    plan = World(Shouts, world.folder, {}).plan()
    lm = plan.method.build(plan.backbones)
    asked = []
    scripted(lambda text: asked.append(text) or "x", lambda _: "x")
    pairs = plan.splits["train"].pairs()
    analyse(plan.method, AnalysisOptions(), lm, pairs)
    wanted = plan.method.prompt(pairs[0].example).views["main"]
    assert wanted.isupper()
    assert any(wanted in text for text in asked)


def test_analyses_of_edited_code_are_generated_again(made, monkeypatch):
    plan, lm, pairs = made
    options = AnalysisOptions(analysis_tokens=8)
    with monkeypatch.context() as patch:
        old = analyse(plan.method, options, lm, pairs)
        patch.setattr(generation, "generate", None)  # calling it would fail
        assert analyse(plan.method, options, lm, pairs) == old
    monkeypatch.setattr(generation, "generate", lambda lm, prompts, **_: [[7] for _ in prompts])
    monkeypatch.setattr(provenance, "MAKING", ())  # as if source had changed
    new = analyse(plan.method, options, lm, pairs)
    assert set(new.kept.values()) == {(7,)} != set(old.kept.values())
