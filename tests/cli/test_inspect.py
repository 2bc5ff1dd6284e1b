"""harness inspect: thoughts on the terminal, as JSON, and as a page."""

import json

from harness.record import read_record
from tests.support.synthetic import write_runs


def test_a_run_is_inspected(run, call, tmp_path):
    run("flythinker", "--set", "eval.likelihood=false")
    asked = ("inspect", tmp_path / "out", "--of", "reference")
    code, out, _ = call(*asked, "--out", tmp_path / "page")
    assert code == 0
    assert out.startswith("flythinker's thoughts move the prediction of a token by ")
    assert "Tokens that thoughts move most, product_review-" in out
    assert "by position in the text" in out
    assert "index.html" in out
    kept = json.loads((tmp_path / "page" / "inspection.json").read_text())
    code, out, _ = call(*asked, "--json")
    assert code == 0
    assert json.loads(out) == kept
    code, out, _ = call(*asked, "--json", "--no-texts")
    assert code == 0
    bare = json.loads(out)
    assert {**bare, "examples": None} == {**kept, "examples": None}
    assert {token["text"] for one in bare["examples"] for token in one["tokens"]} == {"…"}
    (record,) = map(read_record, (tmp_path / "out").rglob("s0-*"))
    users = {one["id"]: one["user_id"] for one in bare["examples"]}
    assert users == {name: record.examples[name].user for name in users}


def test_one_run_is_expected(call, tmp_path):
    write_runs(tmp_path, ["sft", "rag"], ["product_review"])
    code, _, err = call("inspect", tmp_path)
    assert code == 2
    assert "several runs in" in err
    code, _, err = call("inspect", tmp_path, "--limit", "0")
    assert code == 2
    assert "--limit 0; expected at least 1" in err
