"""What exports say of a value: over how many texts it is, and how its interval is computed."""

from dataclasses import replace

from harness import load_runs
from harness.exports import INTERVAL, Source
from harness.exports.eee import aggregate_of
from harness.exports.inspect import header_of


def test_only_texts_with_a_value_count_and_no_interval_has_no_method(results):
    (run,) = load_runs(results / "product_review" / "sft")
    record = run.record
    examples = {
        key: replace(values, scores={**values.scores, "rouge1": None} if at < 25 else values.scores)
        for at, (key, values) in enumerate(record.examples.items())
    }
    metrics = {**record.metrics, "rouge2": replace(record.metrics["rouge2"], low=None, high=None)}
    record = replace(record, examples=examples, metrics=metrics)
    results_of = aggregate_of(record, "0")["evaluation_results"]
    eee = {
        each["metric_config"]["metric_id"]: each["score_details"].get("uncertainty")
        for each in results_of
    }
    log = {each["name"]: each for each in header_of(Source(run.path, record))["results"]["scores"]}
    counts = {"rouge1": 5, "rougeL": 30}
    for name, count in counts.items():
        assert eee[name]["num_samples"] == log[name]["scored_samples"] == count
        assert eee[name]["confidence_interval"]["method"] == INTERVAL
        assert log[name]["metadata"]["interval"] == f"95 %, {INTERVAL}"
    assert "Student's t below 10 users" in INTERVAL
    assert "num_bootstrap_samples" not in eee["rouge1"]  # 5 users
    assert eee["rougeL"]["num_bootstrap_samples"] == record.setting("eval.resamples")
    assert eee["rouge2"] is None
    assert "interval" not in log["rouge2"]["metadata"]
