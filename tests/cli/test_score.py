"""harness score: predictions made elsewhere, scored or refused."""

import gzip
import json
import re
from hashlib import sha256

import pytest

from harness.data.outputs import read_outputs
from harness.errors import DataError


@pytest.mark.parametrize("layout", ["lines", "longlamp"])
def test_predictions_made_elsewhere_are_scored(call, tmp_path, reviews, layout):
    code, out, _ = call("list", "examples", "--data", reviews, "--json")
    assert code == 0
    examples = json.loads(out)
    assert list(examples[0]) == ["id", "user_id", "input"]
    rows = [{"id": each["id"], "output": f"text {at}"} for at, each in enumerate(examples)]
    path = tmp_path / "predictions.json"
    if layout == "lines":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps({"task": "product_review", "golds": rows}))
    options = ["--data", reviews, "--task", "product_review", "--json"]
    code, out, _ = call("score", path, *options)
    assert code == 0
    found = json.loads(out)
    assert set(found["metrics"]) == {"bleu", "rouge1", "rouge2", "rougeL", "rougeLsum", "meteor"}
    assert set(found["metrics"]["bleu"]) >= {"value", "low", "high", "signature"}
    assert found["n"] == {"planned": 8, "scored": 8, "empty": 0, "failed": 0}


@pytest.mark.parametrize("layout", ["lines", "golds", "golds on many lines"])
def test_a_byte_order_mark_changes_no_number(tmp_path, layout):
    rows = [{"id": "a", "output": "fine"}, {"id": "b", "output": "so so"}]
    golds = {"task": "product_review", "golds": rows}
    content = {
        "lines": "".join(json.dumps(row) + "\n" for row in rows),
        "golds": json.dumps(golds),
        "golds on many lines": json.dumps(golds, indent=1),
    }[layout]
    path = tmp_path / "p.json"
    path.write_text(content, encoding="utf-8-sig")
    assert read_outputs(path, "product_review").texts == {"a": "fine", "b": "so so"}


def test_perfect_predictions_score_a_hundred(call, tmp_path, reviews):
    _, out, _ = call("list", "examples", "--data", reviews, "--json")
    ids = [each["id"] for each in json.loads(out)]
    rows = (reviews / "product_review" / "test.jsonl").read_text().splitlines()
    outputs = [json.loads(row)["output"] for row in rows]
    path = tmp_path / "p.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": key, "output": text}) + "\n"
            for key, text in zip(ids, outputs, strict=True)
        )
    )
    options = ["--data", reviews, "--task", "product_review", "--metrics", "bleu,rougeL", "--json"]
    _, out, _ = call("score", path, *options)
    values = {name: score["value"] for name, score in json.loads(out)["metrics"].items()}
    assert values == {"bleu": pytest.approx(100), "rougeL": pytest.approx(100)}


@pytest.fixture
def russian(tmp_path, call):
    """A folder of reviews in Cyrillic, and predictions that are its references."""
    text = "Мы долго шли через лес и вышли к реке"
    folder = tmp_path / "russian"
    folder.mkdir()
    rows = [
        {"id": f"e{at}", "reviewerId": f"u{at}", "input": "Напиши", "output": text, "profile": []}
        for at in range(3)
    ]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps({"id": row["id"], "output": text}) + "\n" for row in rows))
    return ["score", path, "--data", folder, "--task", "product_review", "--metrics", "rouge1,bleu"]


def test_score_says_what_a_tokenizer_does_not_see_and_takes_another_by_set(call, russian):
    code, out, _ = call(*russian, "--json")
    rouge = json.loads(out)["metrics"]["rouge1"]
    assert (code, rouge["value"], rouge["unseen"]) == (0, None, 1.0)
    assert "--set eval.tokenizer=unicode" in rouge["missing"]
    words = ["--set", "eval.tokenizer=unicode", "--set", "eval.bleu_tokenizer=char"]
    _, out, _ = call(*russian, *words, "--json")
    found = json.loads(out)["metrics"]
    assert [found[name]["value"] for name in ("rouge1", "bleu")] == pytest.approx([100, 100])
    # the interval is drawn from the same tokenizer's counts
    assert found["bleu"]["low"] == pytest.approx(100)
    assert "|tok:unicode|" in found["rouge1"]["signature"]
    assert "|tok:char|" in found["bleu"]["signature"]


def test_score_refuses_settings_that_it_does_not_read(call, russian):
    code, _, err = call(*russian, "--set", "train.lr=1")
    assert (code, "score reads settings of data and eval only" in err) == (2, True)
    code, _, err = call(*russian, "--set", "eval.bleu_tokenizer=spm")
    assert (code, "eval.bleu_tokenizer" in err) == (2, True)


def test_missing_predictions_are_scored_as_empty_with_exit_code_1(call, tmp_path, reviews):
    _, out, _ = call("list", "examples", "--data", reviews, "--json")
    path = tmp_path / "p.jsonl"
    rows = [{"id": each["id"], "output": "text"} for each in json.loads(out)[1:]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["score", path, "--data", reviews, "--task", "product_review", "--metrics", "rouge1"]
    code, out, _ = call(*words, "--allow-missing", "--json")
    assert code == 1
    assert json.loads(out)["n"] == {"planned": 8, "scored": 8, "empty": 1, "failed": 1}
    code, out, _ = call(*words, "--allow-missing")
    assert (code, "failed 1" in out) == (1, True)


def test_a_text_that_could_not_be_made_is_missing(call, tmp_path, reviews):
    _, out, _ = call("list", "examples", "--data", reviews, "--json")
    rows = [{"id": each["id"], "output": "text", "error": None} for each in json.loads(out)]
    rows[0] |= {"output": "", "error": "server error: 500"}
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["score", path, "--data", reviews, "--task", "product_review", "--metrics", "rouge1"]
    code, _, err = call(*words)
    message = f"1 of 8 examples have no prediction, e.g. {rows[0]['id']!r}, whose line has error "
    assert (code, f"{message}'server error: 500'; --allow-missing" in err) == (2, True)
    code, out, _ = call(*words, "--allow-missing", "--json")
    assert code == 1
    assert json.loads(out)["n"] == {"planned": 8, "scored": 8, "empty": 1, "failed": 1}


def test_compressed_predictions_are_read(tmp_path):
    content = b'{"id": "a", "output": "fine"}\n'
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(content))
    found = read_outputs(path, "product_review")
    assert found.texts == {"a": "fine"}
    assert found.sha256 == sha256(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"p\.jsonl\.gz"):
        read_outputs(path, "product_review")


@pytest.mark.parametrize("indent", [None, 2])
def test_predictions_may_be_one_array_and_have_numbers_as_ids(tmp_path, indent):
    path = tmp_path / "mine.json"
    rows = [{"id": 7, "output": "fine"}, {"id": "b", "output": "so so"}, {"id": 2.5, "output": ""}]
    path.write_text(" " + json.dumps(rows, indent=indent), "utf-8")
    texts = {"7": "fine", "b": "so so", "2.5": ""}
    assert read_outputs(path, "product_review").texts == texts
    with gzip.open(tmp_path / "mine.json.gz", "wb") as file:
        file.write(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_outputs(tmp_path / "mine.json.gz", "product_review").texts == texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"id": "a", "output": "x"},\n {"id": "a"', "row 2, line 2.*was the file copied"),
        ('[\n{"id": "a"}]', "row 1, line 2, field output: missing"),
        ('[{"id": true, "output": "x"}]', "row 1, line 1, field id: found True; expected text"),
        ('["a"]', "row 1, line 1: found str; expected an object with id, output"),
    ],
)
def test_an_array_of_predictions_that_is_wrong_is_refused_with_its_row(tmp_path, text, expected):
    path = tmp_path / "mine.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as refused:
        read_outputs(path, "product_review")
    assert re.search(expected, str(refused.value), re.DOTALL), refused.value


ROW = '{"id": "…", "output": "…"}'


QUOTED = f"fields in quotes: {ROW}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "a"}\n', f"line 1, field output: missing; expected text. Write both {QUOTED}"),
        ('{"id": "a", "output": 3}\n', f"output: found 3; expected text. Write both {QUOTED}"),
        ('{"id": "a", "output": "x"}\n{"id": "a", "output"', "line 2, column"),
        (
            '{"id": "a", "output"\n',
            "correct the line; was the file copied completely?",
        ),
        (
            '{"id": "a", "output": "x"}\n{"id": "a", "output": "y"}\n',
            "line 2: id 'a' is already at",
        ),
        (
            '{"id": "a", "output": "x"}\n{"id": "a", "output": "y"}\n',
            "p.jsonl line 1; expected one text per example. Remove one of the two",
        ),
        (b'{"id": "\xe9"}', "line 1, byte 9\n  found     0xe9, which is not valid UTF-8 here"),
        ('{"id": "a", "output": "x"}\n', "1 ids are not in the test split, e.g. 'a'"),
        (
            '{"task": "topic_writing", "golds": []}',
            "predictions of task 'topic_writing'; expected 'product_review'. Give its task",
        ),
        (
            '{"golds": {}}',
            f"golds: found dict; expected a list of objects with id, output. Write [{ROW}",
        ),
        (
            '{"id": "a", "output": "x"}\n[1]\n',
            f"found list; expected an object with id, output. Write one {ROW} for each",
        ),
        ("", "8 of 8 examples have no prediction"),
        (
            '{"id": "a", "output": "\\ud800"}\n',
            r"line 1, field output: found '\ud800'; expected text without lone surrogates. Correct",
        ),
        (
            '{"id": "a", "output": "' + "x" * 50_001 + '"}\n',
            "expected at most 50,000 characters, not 50,001. Correct the text, or remove it",
        ),
        ('{"id": "' + "x" * 501 + '", "output": ""}\n', "field id: found 'xxx"),
        ('{"golds": ' + "[" * 100_000, "too many levels deep"),
    ],
)
def test_bad_predictions_are_named(call, tmp_path, reviews, content, message):
    path = tmp_path / "p.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = call("score", path, "--data", reviews, "--task", "product_review")
    assert code == 2
    assert message in err
    assert "Traceback" not in err + out


def test_a_wrong_metric_stops_before_any_data_is_read(call, tmp_path):
    code, _, err = call(
        "score", tmp_path / "none.jsonl", "--data", tmp_path / "nowhere", "--task",
        "product_review", "--metrics", "bleu,blue",
    )  # fmt: skip
    assert code == 2
    assert "no metric 'blue'. Did you mean 'bleu'?" in err
