"""CoT: what training imitates, what replaces a rejected analysis, and what is written first."""

import pytest
from transformers import PreTrainedTokenizerFast

from baselines import analysis, cot
from baselines.cot import Cot, separator
from harness.conformance.world import World
from harness.types import Sampling


@pytest.fixture
def made(world):
    """A fresh method and its untrained model: (plan, lm, pairs)."""
    plan = world.plan()
    return plan, world.build(plan), plan.splits["train"].pairs()


def scripted(monkeypatch, tokenizer, hindsight, blind):
    """Let the backbone "write" what these functions give for the request's text."""

    def generate(lm, prompts, *, max_new_tokens, **_):
        asked = [tokenizer.decode(prompt) for prompt in prompts]
        texts = [(hindsight if "in the end" in text else blind)(text) for text in asked]
        return [tokenizer(text)["input_ids"][:max_new_tokens] for text in texts]

    monkeypatch.setattr(analysis, "generate", generate)


def reference_in(asked):
    return asked.partition("in the end:\n\n")[2].partition("\n\nDo not")[0]


def test_a_target_is_analysis_separator_text(made, monkeypatch):
    plan, lm, pairs = made
    tokenizer = plan.backbones.tokenizer
    scripted(monkeypatch, tokenizer, lambda _: "likes tea", lambda _: "")
    targets = plan.method.targets(lm, pairs)
    between = separator(tokenizer)
    assert [target.example_id for target in targets] == [pair.example.id for pair in pairs]
    assert [target.text for target in targets] == [pair.reference.text for pair in pairs]
    assert {target.preface for target in targets} == {
        (*tokenizer("likes tea")["input_ids"][:8], *between)
    }


def test_a_copied_analysis_is_replaced_and_counted(world, monkeypatch):
    own = World(Cot, world.folder, {"analysis_tokens": 60})
    plan = own.plan()
    lm, tokenizer = own.build(plan), plan.backbones.tokenizer
    pairs = plan.splits["train"].pairs()
    texts = [pair.reference.text for pair in pairs]
    last = plan.method.prompt(pairs[5].example).views["main"]
    innocent = "likes tea and quiet lamps and never a loud one"

    def copies_all(asked):
        return reference_in(asked)

    def copies_one(asked):  # it cannot see the text; here it guesses one of them
        return texts[5] if last in asked else innocent

    scripted(monkeypatch, tokenizer, copies_all, copies_one)
    targets = plan.method.targets(lm, pairs)
    long_enough = [len(text.split()) >= 8 for text in texts]  # fewer words: no 8-gram
    assert long_enough == [False, False, True, True, True, True]
    (counts,) = plan.method.report["analyses"]
    assert counts == {
        "planned": 6,
        "variant": "hindsight",
        "rejected": 4,
        "replaced_by_blind": 3,
        "replaced_by_none": 1,
        "separator_appended": 0,
        "empty": 0,
        "tokens": counts["tokens"],
    }
    between = separator(tokenizer)
    assert targets[5].preface == between
    assert targets[4].preface == (*tokenizer(innocent)["input_ids"], *between)


def test_the_blind_variant_never_asks_with_the_reference(world, monkeypatch):
    own = World(Cot, world.folder, {"variant": "blind", "analysis_tokens": 5})
    plan = own.plan()
    lm = own.build(plan)

    def never(_):
        raise AssertionError("a reference was shown")

    scripted(monkeypatch, plan.backbones.tokenizer, never, lambda _: "likes tea")
    plan.method.targets(lm, plan.splits["train"].pairs())
    assert plan.method.report["analyses"][0]["variant"] == "blind"


def test_analyses_are_reused_under_the_same_fingerprint_only(made, tmp_path):
    plan, lm, pairs = made
    plan.method.workspace = tmp_path
    first = plan.method.targets(lm, pairs)
    files = list(tmp_path.iterdir())
    assert len(files) == 1
    assert plan.method.targets(lm, pairs) == first
    assert list(tmp_path.iterdir()) == files
    plan.method.targets(lm, pairs[:3])
    next(lm.parameters()).data[0] += 1
    plan.method.targets(lm, pairs)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_preface_ends_in_the_separator_and_lost_ends_are_counted(made, monkeypatch):
    plan, lm, _ = made
    written = [[9, 8], [7] * 8, []]
    monkeypatch.setattr(cot, "generate", lambda *_, **__: [list(row) for row in written])
    given = plan.method.preface(lm, [[1], [2], [3]], [Sampling(seed=at) for at in range(3)])
    between = list(separator(plan.backbones.tokenizer))
    assert given == [row + between for row in written]
    assert plan.method.report["prefaces"] == {"separator_appended": 1}


def test_the_separator_ends_the_turn_and_opens_the_next(made):
    tokenizer = made[0].backbones.tokenizer
    text = tokenizer.decode(separator(tokenizer))
    assert text == "<|im_end|>\n<|im_start|>assistant\n"


def test_without_a_template_the_separator_is_the_end_token(made):
    backend = made[0].backbones.tokenizer.backend_tokenizer
    bare = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>")
    assert separator(bare) == (bare.eos_token_id,)


def test_text_and_preface_draw_from_different_streams(made, monkeypatch):
    plan, lm, _ = made
    seen = []
    monkeypatch.setattr(cot, "generate", lambda *_, **given: seen.append(given) or [[]])
    plan.method.preface(lm, [[1]], [Sampling(0.8, 0.95, 40)])
    assert seen[0]["seeds"] != [40]
    assert (seen[0]["temperature"], seen[0]["top_p"]) == (0.8, 0.95)
    assert seen[0]["max_new_tokens"] == 8
