"""Rows are checked before training: test prompts, targets, views, analyses, the reasoner."""

import shutil

import pytest

from harness.engine.backbone_tokenizer import tokenizer_of
from harness.engine.text import encode_response
from harness.errors import UsageError
from harness.pipeline import together as training_module
from harness.pipeline.evaluate import profile_swap
from harness.pipeline.evaluate.profile_swap import Swaps
from harness.pipeline.plan import Plan
from tests.support.runs import go, settings
from tests.support.saved_backbones import with_context


class TrainedError(Exception):
    """Raised instead of training."""


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    def train(*_, **__):
        raise TrainedError

    monkeypatch.setattr(training_module, "train", train)


@pytest.fixture
def longest(reviews, backbone, tmp_path):
    """Tokens of the longest test prompt."""
    plan = Plan(settings(reviews, backbone), "sft", tmp_path)
    return max(len(reading.prompt) for reading in plan.test_prompts)


CASES = {  # method, tokens besides the longest prompt, settings, what the message names
    "cap": ("rag", 5, ["eval.likelihood=false"], r"the test prompt of .*max_new_tokens 6\)"),
    "target": ("sft", 12, ["eval.likelihood=false"], "the (train|val) row of example"),
    "likelihood": ("rag", 12, [], r"eval.likelihood of .*reference \d+\), too many"),
    "forced": (
        "rag",
        12,
        ["eval.likelihood=false", "eval.forced=true", "eval.slices=[0,10]"],
        r"eval.forced of .*given \d+ \+ window \d+\)",
    ),
    "thoughts": ("coconut", 9, ["eval.likelihood=false"], r"\(prompt \d+ \+ hidden text 4 \+ dec"),
    "analysis": (
        "cot",
        99,
        ["eval.likelihood=false", "method.analysis_tokens=120"],
        r"the test prompt of .*hidden text 1\d\d",
    ),
    "request": (
        "cot",
        99,
        ["eval.likelihood=false", "method.analysis_tokens=4"],
        r"request for an analysis of example .*\(request \d+ \+ method.analysis_tokens 4\)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_row_past_the_context_is_refused_before_training(
    case, reviews, backbone, longest, tmp_path
):
    method, more, assignments, message = CASES[case]
    short = with_context(backbone, tmp_path / "short", longest + more)
    with pytest.raises(UsageError, match=message) as caught:
        go(tmp_path, reviews, short, method, *assignments)
    assert f"max_position_embeddings = {longest + more} in its config" in str(caught.value)


def test_a_context_that_just_fits_prompt_and_cap_is_accepted(reviews, backbone, longest, tmp_path):
    short = with_context(backbone, tmp_path / "short", longest + 6)
    assert go(tmp_path, reviews, short, "rag", "eval.likelihood=false").exit_code == 0


def test_a_reasoner_with_a_shorter_context_is_refused(reviews, backbone, longest, tmp_path):
    short = with_context(backbone, tmp_path / "short", longest + 5)
    with pytest.raises(UsageError, match=r"too many for the reasoner '.*short' \(Qwen2"):
        go(tmp_path, reviews, backbone, "flythinker", f"model.reasoner={short}")


@pytest.mark.parametrize(("spare", "read"), [(500, 0), (0, 1)])
def test_prompts_with_other_profiles_are_made_only_if_the_budgets_do_not_decide(
    spare, read, reviews, backbone, longest, tmp_path, monkeypatch
):
    seen = []
    monkeypatch.setattr(profile_swap, "donor_examples", lambda plan: seen.append(plan) or Swaps({}))
    short = with_context(backbone, tmp_path / "short", longest + 100 + spare)
    with pytest.raises(TrainedError):
        go(tmp_path, reviews, short, "sft", 'eval.lift=["likelihood"]')
    assert len(seen) == read


def with_token(backbone, folder, token):
    """The backbone with a token in its tokenizer that has no row in its embedding matrix."""
    shutil.copytree(backbone, folder)
    tokenizer = tokenizer_of(str(backbone)).__class__.from_pretrained(folder)
    rows = len(tokenizer)
    tokenizer.add_tokens([token])
    tokenizer.save_pretrained(folder)
    assert tokenizer.convert_tokens_to_ids(token) == rows
    return folder


@pytest.mark.parametrize("method", ["sft", "flythinker", "cot"])
def test_a_token_that_no_text_uses_needs_no_row(method, reviews, backbone, tmp_path):
    folder = with_token(backbone, tmp_path / "more", "<image_soft_token>")
    few = ["method.analysis_tokens=4"] if method == "cot" else []
    with pytest.raises(TrainedError):  # all checks passed
        go(tmp_path, reviews, folder, method, *few)


def test_a_reasoners_tokenizer_may_differ_only_past_the_matrix(reviews, backbone, tmp_path):
    folder = with_token(backbone, tmp_path / "more", "<image_soft_token>")
    with pytest.raises(TrainedError):
        go(tmp_path, reviews, folder, "flythinker", f"model.reasoner={backbone}")


@pytest.mark.parametrize("method", ["rag", "sft", "flythinker"])
def test_a_token_that_a_text_uses_needs_one(method, reviews, backbone, tmp_path):
    folder = with_token(backbone, tmp_path / "more", "a product")
    (used,) = set(encode_response(tokenizer_of(str(folder)), "a product").ids)
    with pytest.raises(UsageError, match=f"contains token id {used}, which the"):
        go(tmp_path, reviews, folder, method)
