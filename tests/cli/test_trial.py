"""harness trial from the command line: files, JSON, plugins, refusals."""

from __future__ import annotations

import json

import pytest

from harness.record.judged import ASPECTS
from harness.record.reading import from_json
from harness.record.trials import Trial
from tests.support.judge_stub import Stub, aspects_reply, block, served
from tests.support.reviews import made_up_rows, write_rows

PLUGIN = '''
"""A metric of its own."""

from harness.metrics.base import MeanMetric


class Words(MeanMetric):
    """The number of words."""

    name = "words"

    def score(self, pair):
        return float(len(pair.prediction.split()))
'''


@pytest.fixture
def data(tmp_path):
    return write_rows(tmp_path / "reviews", {"test": made_up_rows("test", 21)})


@pytest.fixture
def options(data, tmp_path):
    return ["--data", data, "--set", "eval.resamples=100", "--out", tmp_path / "trial"]


def test_a_trial_leaves_a_result_and_a_page(call, tmp_path, options):
    code, out, _ = call("trial", "--metrics", "bleu,rouge1", *options)
    assert code == 0
    assert "own > other" in out
    (path,) = (tmp_path / "trial").glob("*.json")
    found = from_json(Trial, path.read_text(), str(path))
    assert list(found.metrics) == ["bleu", "rouge1"]
    assert (found.users, found.source, found.task) == (21, "folder", "product_review")
    assert path.stem.startswith(f"product_review-test-{found.fingerprint[:12]}-")
    assert (path.with_suffix("") / "index.html").is_file()
    assert str(tmp_path) not in path.read_text()


def test_json_is_the_stored_result(call, tmp_path, options):
    code, out, _ = call("trial", "--metrics", "bleu", "--limit", 20, "--json", *options)
    assert code == 0
    (path,) = (tmp_path / "trial").glob("*.json")
    assert json.loads(out) == json.loads(path.read_text())


def test_a_plugins_metric_is_on_trial_without_being_named(call, tmp_path, options):
    plugin = tmp_path / "words.py"
    plugin.write_text(PLUGIN)
    _, out, _ = call("trial", "--plugin", plugin, "--limit", 20, "--json", *options)
    found = json.loads(out)["metrics"]
    assert set(found) >= {"bleu", "meteor", "words"}
    assert found["words"]["failed"] == ["own_over_other", "padded_over_own"]


def test_another_seed_has_a_result_of_its_own(call, tmp_path, options):
    for seed in (0, 3):
        call("trial", "--metrics", "bleu", "--limit", 20, "--seed", seed, *options)
    names = sorted(path.stem for path in (tmp_path / "trial").glob("*.json"))
    assert names[1] == f"{names[0]}-s3"


def test_another_trial_of_the_same_data_replaces_none(call, tmp_path, data):
    def stored(*words):
        call("trial", "--data", data, "--out", tmp_path, "--set", "eval.resamples=100", *words)
        return {path.stem for path in tmp_path.glob("*.json")}

    with served(Stub(lambda prompt: "I like it")) as stub:
        for count, words in enumerate(
            (
                ("--metrics", "bleu"),
                ("--metrics", "rouge1"),
                ("--metrics", "bleu", "--limit", 20),
                ("--metrics", "bleu", "--limit", 20, "--set", "eval.tokenizer=unicode"),
                ("--metrics", "bleu", "--limit", 2, "--judge", f"{stub.url}#one"),
                ("--metrics", "bleu", "--limit", 2, "--judge", f"{stub.url}#two"),
            ),
            1,
        ):
            found = stored(*words)
            assert len(found) == count
    assert stored("--metrics", "rouge1") == found


def test_the_usual_trial_is_named_by_its_split_alone(call, tmp_path, data):
    call("trial", "--data", data, "--out", tmp_path / "trial")
    (path,) = (tmp_path / "trial").glob("*.json")
    fingerprint = json.loads(path.read_text())["fingerprint"]
    assert path.stem == f"product_review-test-{fingerprint[:12]}"


def test_users_with_one_text_are_refused(call, tmp_path):
    rows = made_up_rows("test", 4)
    for row in rows:
        row["profile"] = row["profile"][:1]
    data = write_rows(tmp_path / "short", {"test": rows})
    code, _, said = call("trial", "--data", data, "--out", tmp_path / "trial")
    assert code == 2
    assert "0 of 4 users with 2 or more different texts in the profile" in said
    assert not (tmp_path / "trial").exists()


def test_an_unknown_metric_stops_before_the_data(call, tmp_path):
    code, _, said = call("trial", "--metrics", "blue", "--data", tmp_path / "nowhere")
    assert code == 2
    assert "no metric 'blue'. Did you mean 'bleu'?" in said


def by_length(prompt):
    """A judge that likes long texts."""
    return aspects_reply(min(1 + len(block(prompt, "TEXT TO JUDGE").split()) // 8, 5))


@pytest.mark.slow
def test_a_judge_is_on_trial_asked_once_and_marked_in_comparisons(call, tmp_path, data, options):
    results = tmp_path / "results"
    with served(Stub(by_length)) as stub:
        asked = ["--judge", f"{stub.url}#tiny"]
        words = ["trial", "--metrics", "bleu", *options, "--out", results / "trial", *asked]
        code, out, err = call(*words, "--json")
        questions = len(stub.prompts)
        again, out_again, _ = call(*words, "--json")
        assert len(stub.prompts) == questions == len(set(stub.prompts))
        assert (code, again, out) == (0, 0, out_again)
        assert f"tiny: {questions} questions to ask" in err
        (path,) = (results / "trial" / "judged").glob("tiny-*.jsonl")
        assert len(path.read_text().splitlines()) == questions
        found = json.loads(out)["metrics"]
        assert list(found)[:3] == ["bleu", "tiny: mean of aspects", "tiny: coverage"]
        assert found["tiny: tone"]["failed"] == ["own_over_other", "padded_over_own"]
        assert found["tiny: tone"]["agreement"]["tiny: wording"]["value"] == 1
        # a run that the same judge scores
        _, out, _ = call("list", "examples", "--data", data, "--json")
        rows = [{"id": one["id"], "output": "a text of its own"} for one in json.loads(out)]
        texts = tmp_path / "mine.jsonl"
        texts.write_text("".join(json.dumps(row) + "\n" for row in rows))
        call("score", texts, "--data", data, "--metrics", "rouge1", "--name", "mine",
             "--out", results, "--task", "product_review")  # fmt: skip
        (run,) = results.glob("product_review/mine/*")
        assert call("judge", run, *asked)[0] == 0
    code, out, _ = call("compare", run, "--out", tmp_path / "report", "--json")
    (judged,) = json.loads(out)["boards"][0]["judged"]["runs"]
    assert (code, set(judged["failed"])) == (0, set(ASPECTS))
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert "tiny ‡" in page
    assert "‡ tiny: tone failed its trial on these data" in page


def test_a_judge_without_readable_replies_has_no_value(call, options):
    with served(Stub(lambda prompt: "I like it")) as stub:
        code, out, err = call(
            "trial", "--metrics", "bleu", "--limit", 2, "--json", *options,
            "--judge", f"{stub.url}#tiny",
        )  # fmt: skip
    assert code == 0
    assert f"tiny: texts without a verdict: bad JSON {len(stub.prompts)}" in err
    assert json.loads(out)["metrics"]["tiny: tone"]["outcome"] == "no value"
