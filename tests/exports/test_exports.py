"""harness export: every format holds the runs' numbers and is what its readers expect."""

import hashlib
import json
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

from harness import load_runs
from harness.errors import DataError, UsageError
from harness.exports import Source, described, export, formats, headlines
from harness.exports.inspect import header_of
from tests.support.exported import sources
from tests.support.synthetic import write_runs

SCHEMAS = Path(__file__).parent / "schema"
AGGREGATE, INSTANCE = (
    json.loads((SCHEMAS / name).read_text("utf-8"))
    for name in ("eval.schema.json", "instance_level_eval.schema.json")
)


@pytest.fixture
def made(tmp_path, reviews, backbone):
    """Two real runs, whose data give inputs and references: the second has two samples a text."""
    from harness import run

    small = {
        "data": reviews, "backbone": backbone, "out": tmp_path / "runs", "limit": 4,
        "progress": False, "budget": {"profile": 80},
        "eval": {"resamples": 100, "floors": False, "metrics": ["bleu", "rouge1"],
                 "authors": False, "relative": False},
    }  # fmt: skip
    return [
        run("rag", decode={"max_new_tokens": 8}, **small),
        run("rag", decode={"max_new_tokens": 8, "samples": 2, "temperature": 1.0}, **small),
    ]


def runs_of_two(tmp_path):
    """Two seeds, run by two people: their runs have the same names."""
    folders = tmp_path / "mine", tmp_path / "theirs"
    for hour, folder in enumerate(folders):
        changes = {"started": f"2026-01-02T0{hour}:03:00+00:00"}
        write_runs(folder, ["sft"], ["product_review"], (0, 1), changes=changes)
    return load_runs(folders)


def test_a_format_is_a_file_with_its_help_in_it():
    assert formats() == ("csv", "eee", "inspect", "model", "model-index", "parquet")
    assert all(described(name).endswith((".", "run.")) for name in formats())


def required_fields(schema, value, root):
    """Raise AssertionError where a required field is missing, in objects and lists too."""
    schema = root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, dict):
        missing = set(schema.get("required", ())) - set(value)
        assert not missing, missing
        for key, each in value.items():
            required_fields(schema.get("properties", {}).get(key, {}), each, root)
    elif isinstance(value, list):
        for each in value:
            required_fields(schema.get("items", {}), each, root)


def check(schema, value):
    required_fields(schema, value, schema)
    if find_spec("jsonschema"):  # of the extra `dev`
        from jsonschema import Draft7Validator

        Draft7Validator(schema).validate(value)


def test_every_eval_ever(made, tmp_path):
    files = export("eee", sources(made), tmp_path / "eee")
    aggregates = [file for file in files if file.suffix == ".json"]
    assert len(aggregates) == 2
    for file, run in zip(aggregates, made, strict=True):
        document = json.loads(file.read_text("utf-8"))
        check(AGGREGATE, document)
        assert document["schema_version"] == AGGREGATE["version"]
        scores = {
            each["metric_config"]["metric_id"]: each for each in document["evaluation_results"]
        }
        assert set(scores) == {"bleu", "rouge1", "nll"}
        score = run.record.metrics["bleu"]
        details = scores["bleu"]["score_details"]
        assert details["score"] == score.value
        interval = details["uncertainty"]["confidence_interval"]
        assert (interval["lower"], interval["upper"]) == (score.low, score.high)
        assert scores["nll"]["metric_config"]["lower_is_better"] is True
        detailed = document["detailed_evaluation_results"]
        samples = tmp_path / "eee" / detailed["file_path"]
        assert samples.parent == file.parent
        assert re.fullmatch(
            AGGREGATE["properties"]["detailed_evaluation_results"]["properties"]["file_path"][
                "pattern"
            ],
            detailed["file_path"],
        )
        assert hashlib.sha256(samples.read_bytes()).hexdigest() == detailed["checksum"]
        rows = [json.loads(line) for line in samples.read_text("utf-8").splitlines()]
        assert len(rows) == detailed["total_rows"] == 4 * 3
        for row in rows:
            check(INSTANCE, row)
            assert row["evaluation_id"] == document["evaluation_id"]
            assert row["model_id"] == document["model_info"]["id"]
        results = {each["evaluation_result_id"] for each in document["evaluation_results"]}
        assert {row["evaluation_result_id"] for row in rows} == results
        texts = {text.output for text in run.predictions()}
        assert {text for row in rows for text in row["output"]["raw"]} == texts


def test_every_eval_ever_without_texts(made, tmp_path):
    (file,) = export("eee", sources(made[:1], texts=False), tmp_path / "eee")
    document = json.loads(file.read_text("utf-8"))
    check(AGGREGATE, document)
    assert "detailed_evaluation_results" not in document


def test_an_id_of_every_eval_ever_is_of_one_run_whenever_it_is_exported(tmp_path, monkeypatch):
    runs = runs_of_two(tmp_path)

    def exported(now, out):
        monkeypatch.setattr("time.time", lambda: now)
        return [json.loads(file.read_text("utf-8"))
                for file in export("eee", sources(runs, texts=False), tmp_path / out)]  # fmt: skip

    def results(documents):
        return [one["evaluation_result_id"] for each in documents
                for one in each["evaluation_results"]]  # fmt: skip

    first, later = exported(1_800_000_000, "first"), exported(1_800_000_001, "later")
    ids = [each["evaluation_id"] for each in first]
    assert len(set(ids)) == len(runs) == 4
    assert len(set(results(first))) == len(results(first))
    assert [key.replace("1800000000", "1800000001") for key in ids] == [
        each["evaluation_id"] for each in later
    ]
    assert results(first) == results(later)


def test_runs_of_one_name_have_logs_of_their_own(tmp_path):
    runs = runs_of_two(tmp_path)
    files = export("inspect", sources(runs, texts=False), tmp_path / "logs")
    assert len(set(files)) == len(runs) == 4
    assert export("inspect", sources(runs, texts=False), tmp_path / "logs") == files


def test_a_log_of_inspect(made, tmp_path):
    files = export("inspect", sources(made), tmp_path / "logs")
    assert [file.suffix for file in files] == [".eval", ".eval"]
    with ZipFile(files[1]) as log:
        header = json.loads(log.read("header.json"))
        assert json.loads(log.read("_journal/start.json")) == {
            key: header[key] for key in ("version", "eval", "plan")
        }
        names = [name for name in log.namelist() if name.startswith("samples/")]
        samples = [json.loads(log.read(name)) for name in names]
        summaries = json.loads(log.read("summaries.json"))
    assert sorted((each["id"], each["epoch"]) for each in samples) == sorted(
        (text.id, text.sample + 1) for text in made[1].predictions()
    )
    assert {each["completion"] for each in (one["output"] for one in samples)} == {
        text.output for text in made[1].predictions()
    }
    assert all(each["target"] for each in samples)
    assert len(summaries) == len(samples) == header["results"]["total_samples"] == 8
    assert header["eval"]["config"]["epochs"] == 2
    (bleu, *_) = header["results"]["scores"]
    assert bleu["metrics"]["bleu"]["value"] == made[1].scores["bleu"]


@pytest.mark.slow
def test_inspects_own_package_reads_it_back(made, tmp_path):
    reason = "inspect_ai is not installed: pip install inspect_ai"
    log = pytest.importorskip("inspect_ai.log", reason=reason)
    files = export("inspect", sources(made), tmp_path / "logs")
    for file, run in zip(files, made, strict=True):
        found = log.read_eval_log(str(file))
        assert found.status == "success"
        assert len(found.samples) == len(run.predictions())
        assert {one.output.completion for one in found.samples} == {
            text.output for text in run.predictions()
        }
        assert found.results.scores[0].metrics["bleu"].value == run.scores["bleu"]
        assert found.samples[0].scores["bleu"].as_float() >= 0
        assert log.read_eval_log(str(file), header_only=True).eval.task.startswith("product_review")
        assert len(log.read_eval_log_sample_summaries(str(file))) == len(run.predictions())
    assert len(log.list_eval_logs(str(tmp_path / "logs"))) == 2


@pytest.mark.parametrize(("seconds", "ended"), [(3725.4, "2026-01-02T04:05:05+00:00"), (None, "")])
def test_a_log_of_inspect_has_the_end_if_it_is_known(results, seconds, ended):
    run = load_runs(results)[0]
    record = replace(run.record, started="2026-01-02T03:03:00+00:00", wall_s=seconds)
    stats = header_of(Source(run.path, record))["stats"]
    assert stats == {"started_at": "2026-01-02T03:03:00+00:00", "completed_at": ended}


def test_texts_stay_out_of_a_log(made, tmp_path):
    (file,) = export("inspect", sources(made[:1], texts=False), tmp_path / "one.eval")
    with ZipFile(file) as log:
        everything = b"".join(log.read(name) for name in log.namelist()).decode()
    assert not any(text.output and text.output in everything for text in made[0].predictions())


def test_a_model_index_is_read_by_the_hubs_package(results, tmp_path):
    from huggingface_hub import ModelCard
    from huggingface_hub.repocard_data import model_index_to_eval_results

    runs = load_runs(results / "product_review" / "sft")
    (file,) = export("model-index", sources(runs), tmp_path / "card.md")
    card = ModelCard.load(file)
    found = card.data.eval_results
    assert {each.metric_type: each.metric_value for each in found} == {
        each.name: each.value for each in headlines(runs[0].record)
    }
    export("model-index", sources(load_runs(results)), tmp_path / "all.yaml")
    import yaml

    index = yaml.safe_load((tmp_path / "all.yaml").read_text())["model-index"]
    assert [entry["name"].partition("-")[0] for entry in index] == ["rag", "sft"]
    assert model_index_to_eval_results(index[:1])[1]


WRONG = [
    ("csvv", "out", UsageError, "no such format. Did you mean 'csv'? Known: csv, eee, inspect"),
    ("csv", "a.txt", UsageError, r"expected a folder, or a file *.csv"),
    ("inspect", "a.eval", UsageError, "2 runs need a folder"),
    ("eee", "a.json", UsageError, "expected a folder"),
    ("model-index", "folder", UsageError, "expected a file *.md or *.yaml or *.yml"),
    ("eee", "out", DataError, "have changed since this run"),
]


@pytest.mark.parametrize(("to", "out", "kind", "message"), WRONG)
def test_what_is_refused(results, tmp_path, to, out, kind, message):
    with pytest.raises(kind) as caught:
        export(to, sources(load_runs(results)), tmp_path / out)
    assert message in str(caught.value)


def test_nothing_finished(results, tmp_path):
    with pytest.raises(UsageError, match="no finished run to export"):
        export("csv", sources(load_runs(results / "product_review" / "cot")), tmp_path / "out")


def test_the_command(call, results, tmp_path):
    code, out, err = call("export", results, "--to", "csv", "--out", tmp_path / "out")
    assert code == 0, err
    assert "2 runs in 2 files" in out
    assert "1 not finished, left out" in out
    code, out, _ = call("export", results, "--to", "csv", "--out", tmp_path / "o", "--floors")
    assert "3 runs" in out
    code, _, err = call("export", results, "--to", "cvs", "--out", tmp_path / "out")
    assert (code, "Did you mean 'csv'?" in err) == (2, True)


MINE = '''"""Names of the runs, one a line."""


def write(runs, out):
    out.write_text("".join(f"{run.record.method}\\n" for run in runs))
    return [out]
'''


def test_a_new_format_is_one_file(results, tmp_path, monkeypatch, call):
    import harness.exports

    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "my_names.py").write_text(MINE)
    monkeypatch.setattr(
        "harness.exports.__path__", [*harness.exports.__path__, str(tmp_path / "more")]
    )
    assert "my-names" in formats()
    out = tmp_path / "names.txt"
    code, shown, err = call("export", results, "--to", "my-names", "--out", out)
    assert code == 0, err
    assert "Names of the runs, one a line." in shown
    assert out.read_text() == "rag\nsft\n"
