"""A tiny run's thoughts, from its folder to data; and what is said where something is missing."""

import json
import shutil
from dataclasses import asdict, replace

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from harness.engine import Batch
from harness.engine.weight_files import load_weights
from harness.errors import DataError, UsageError
from harness.pipeline.inspection import Choice, inspect
from harness.pipeline.inspection_means import mean_of_all, with_means
from harness.pipeline.job import Job
from harness.pipeline.plan import Plan
from harness.progress import Bars
from harness.record.inspected import (
    InspectedExample,
    InspectedThought,
    InspectedToken,
    Inspection,
    Mean,
)
from harness.registry import find
from tests.support.runs import edit_record, go, settings

MORE = ("eval.likelihood=false", "eval.authors=false", "budget.profile=130")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, reviews, backbone):
    return go(tmp_path_factory.mktemp("fly"), reviews, backbone, "flythinker", *MORE)


def look(folder, method="flythinker", **choice):
    return inspect(folder, Choice(**choice), find("method", method), Bars(quiet=True))


def test_an_example_that_is_asked_for_twice_counts_once(outcome):
    first, second = (each.id for each in look(outcome.folder, limit=2, of="reference").examples)
    found = look(outcome.folder, examples=(second, first, second), of="reference")
    assert [each.id for each in found.examples] == [second, first]


def test_an_inspection_says_what_the_model_computes(outcome, reviews, backbone):
    found = look(outcome.folder, limit=2, of="reference")
    assert [len(one.tokens) > 10 for one in found.examples] == [True, True]
    chosen = settings(reviews, backbone, "flythinker", *MORE)
    job = Job(Plan(chosen, "flythinker", outcome.folder), Bars(quiet=True))
    lm, _ = job.build()
    load_weights(lm, outcome.folder / "model.safetensors")
    example = found.examples[1]
    (encoded,) = job.plan.encode([job.plan.test.examples[1]])
    text = job.plan.test.references[example.id].text
    tokenizer = job.plan.backbones.tokenizer
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert "".join(token.text for token in example.tokens) == text
    thoughts = lm.eval().thoughts(Batch.from_rows([encoded.prompt], [ids], 0))
    kl = torch.tensor([token.kl for token in example.tokens])
    assert_close(kl, thoughts.text_kl[0], atol=1e-5, rtol=0)
    assert [one.position for one in example.thoughts] == list(range(len(ids)))
    # the mean state of an entry: of the tokens that decode to its phrase
    assert len(example.entries) == 2  # of three, within the budget
    for number, phrase in enumerate(example.entries):
        rows = [
            column
            for column in range(len(encoded.prompt))
            if tokenizer.decode(encoded.prompt[column:]).lstrip().startswith(phrase.strip())
        ]
        first = rows[0]
        count = len(tokenizer(phrase.rstrip(), add_special_tokens=False)["input_ids"])
        mean = thoughts.states[0, first : first + count].mean(0)
        expected = F.cosine_similarity(thoughts.vectors[0], mean[None], dim=-1)
        cosines = torch.tensor([one.cosines[number] for one in example.thoughts])
        assert_close(cosines, expected, atol=0.05, rtol=0)  # but for the tokens at its edges
    json.dumps(asdict(found))


def test_by_default_the_first_written_text_is_inspected(outcome):
    found = look(outcome.folder)
    (example,) = found.examples
    assert found.of == "text"
    assert found.whole.count == len(example.tokens)
    assert look(outcome.folder, examples=[example.id]).examples == (example,)


def test_thoughts_before_the_text(tmp_path, reviews, backbone):
    folder = go(tmp_path, reviews, backbone, "coconut", *MORE).folder
    found = look(folder, "coconut", of="reference")
    assert found.examples[0].before_text
    assert [one.name for one in found.before] == [f"thought {n}" for n in (1, 2, 3, 4)]


def test_what_is_missing_is_said(outcome, tmp_path):
    with pytest.raises(UsageError, match="--example 'nobody' is not in this run's test split"):
        look(outcome.folder, examples=["nobody"])
    kept = outcome.folder / "model.safetensors"
    aside = kept.rename(tmp_path / "aside")
    try:
        with pytest.raises(UsageError, match=r"no model\.safetensors; published runs"):
            look(outcome.folder)
    finally:
        aside.rename(kept)


@pytest.mark.parametrize(
    ("status", "out", "message"),
    [
        (
            "running",
            "--out there",
            r"not finished.*\n  mend      go on with it: harness run --out there$",
        ),
        ("complete", "--out there", r"another folder: harness run --out elsewhere$"),
        ("complete", "--out='a b' --seed 1", r"folder: harness run --seed 1 --out elsewhere$"),
        ("complete", "--seed 1", r"folder: harness run --seed 1 --out elsewhere$"),
    ],
)
def test_without_weights_the_command_that_makes_them_is_named(
    outcome, tmp_path, status, out, message
):
    folder = shutil.copytree(outcome.folder, tmp_path / "p" / "m" / "s0")
    (folder / "model.safetensors").unlink()
    edit_record(folder, status=status, command=f"harness run {out}")
    with pytest.raises(UsageError, match=message):
        look(folder)


def test_another_method_other_data_and_other_weights_are_refused(outcome, tmp_path):
    def edited(name, **fields):
        folder = shutil.copytree(outcome.folder, tmp_path / name / "p" / "m" / "s0")
        edit_record(folder, **fields)
        return folder

    with pytest.raises(UsageError, match=r"'sft' has no thoughts to look at\n  found     CausalLM"):
        look(edited("sft", method="sft"), "sft")
    known = json.loads((outcome.folder / "record.json").read_text())
    known["data"]["splits"]["test"]["fingerprint"] = "0" * 64
    with pytest.raises(DataError, match="have changed since this run"):
        look(edited("data", data=known["data"]))
    known["backbone"]["weights"] = "0" * 64
    with pytest.raises(
        DataError, match=r"other weights than the record's\n  found .*\n.*\n  mend "
    ):
        look(edited("weights", backbone=known["backbone"]))


def of(kls, thoughts=(), kinds=()):
    tokens = tuple(
        InspectedToken("x", kl, kinds[index] if index < len(kinds) else ())
        for index, kl in enumerate(kls)
    )
    return InspectedExample("a", "u", ("entry",), tokens, tuple(thoughts))


def test_means_by_hand():
    thoughts = [InspectedThought(index, 0.0, (), (0.1 * index, 0.3)) for index in (0, 1)]
    one = of([1.0, 3.0, *[0.5] * 49], thoughts, [("praise",), ("praise", "ending")])
    empty = Inspection("r", "m", "t", "text", (one,), mean_of_all([one]), (), (), ())
    found = with_means(empty)
    assert found.whole == Mean("all", 51, pytest.approx(28.5 / 51), pytest.approx(0.175))
    first, second = found.positions
    assert (first.name, first.count, second.name, second.count) == ("0–49", 50, "50–99", 1)
    assert (second.kl, second.cosine) == (0.5, None)
    assert [(mean.name, mean.count, mean.kl) for mean in found.kinds] == [
        ("ending", 1, 3.0), ("praise", 2, 2.0), ("elsewhere", 49, 0.5)
    ]  # fmt: skip
    assert found.before == ()
    both = [replace(each, position=0, kl=float(n)) for n, each in enumerate(thoughts)]
    found = with_means(replace(empty, examples=(of([1.0], both), of([1.0], both[:2]))))
    assert [(mean.name, mean.count, mean.kl) for mean in found.before] == [
        ("thought 1", 2, 0.0), ("thought 2", 2, 1.0)
    ]  # fmt: skip
    assert found.positions[0].cosine is None
