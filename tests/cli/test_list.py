"""harness list: every kind as a table and as JSON."""

import json

import pytest

from tests.support.reviews import made_up_rows, write_rows


@pytest.mark.parametrize("kind", ["methods", "tasks", "metrics", "presets"])
def test_list_is_json_on_request(call, kind):
    code, out, _ = call("list", kind, "--json")
    assert code == 0
    assert json.loads(out)
    code, out, _ = call("list", kind)
    assert code == 0


def test_every_setting_has_its_meaning(call):
    _, out, _ = call("list", "presets", "--json")
    assert all(row["meaning"] for row in json.loads(out))


@pytest.mark.parametrize(
    ("kind", "name", "meaning"),
    [
        ("methods", "nonpers", "Non-pers: the base model with the input x only."),
        ("tasks", "topic_writing", "A user's next forum post, from its summary."),
        ("metrics", "rouge2", "F1 of shared word pairs."),
        ("metrics", "following", "the share of their calls that were followed"),
        ("metrics", "style:FOLDER", "Cosine of a text with the author's profile texts"),
        ("metrics", "bertscore:FOLDER?layer=N", "F1 of BERTScore"),
        ("metrics", "lift", "Profile swap: what the user's own profile gains"),
        ("metrics", "NLL", "the negative log-likelihood of the references"),
    ],
)
def test_a_name_has_its_meaning_and_no_module(call, kind, name, meaning):
    _, out, _ = call("list", kind, "--json")
    (row,) = [row for row in json.loads(out) if row["name"] == name]
    assert meaning in row["meaning"]
    _, out, _ = call("list", kind)
    assert meaning.split(".")[0][:40] in out
    assert "harness." not in out
    assert "baselines." not in out


def test_the_method_of_a_plugin_file_is_listed_with_its_options(call, tmp_path):
    path = tmp_path / "mine.py"
    assert call("new-method", "mine", "--out", path)[0] == 0
    for kind, key, value in (
        ("methods", "name", "mine"),
        ("options", "option", "method.end_weight"),
    ):
        code, out, err = call("list", kind, "--plugin", path, "--json")
        assert code == 0, err
        assert [row[key] for row in json.loads(out) if row[key] == value] == [value]


def test_a_preset_that_needs_data_says_so_for_its_source(call):
    _, out, _ = call("list", "presets", "--json")
    (source,) = [row for row in json.loads(out) if row["setting"] == "data.source"]
    assert source["smollm2"] == "needs --data: a folder of data, or hub"
    assert (source["mini"], source["paper"]) == ("mini", "hub")


def test_examples_of_data_with_a_leak_are_listed_as_the_message_says(call, tmp_path):
    rows = made_up_rows("test", 2)
    rows[0]["profile"][0]["reviewText"] = rows[0]["output"]
    write_rows(tmp_path / "product_review", {"test": rows})
    words = ("list", "examples", "--data", tmp_path, "--json")
    code, _, err = call(*words)
    assert (code, "--set data.on_leak=drop" in err) == (2, True), err
    code, out, err = call(*words, "--set", "data.on_leak=drop", "--set", "data.limit=1")
    assert (code, len(json.loads(out))) == (0, 1), err
    code, _, err = call(*words, "--set", "eval.resamples=100")
    assert (code, "list reads settings of data only" in err) == (2, True), err
    code, _, err = call(*words, "--set", "data=x", "--set", "data.limit=1")
    assert (code, "data = 'x'; expected a section: name one key of it" in err) == (2, True), err
