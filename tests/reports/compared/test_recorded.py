"""A number in a record that the examples' values do not give is refused."""

import dataclasses
from functools import partial

import pytest

from harness.claims.papers import papers
from harness.errors import DataError
from harness.record import QualityScore, read_record, write_record
from harness.reports.claims.claims_page import claims_document
from harness.reports.compare_runs import compare
from tests.support.synthetic import write_runs


def edited(part, first, *rest):
    """A copy in which the number at a path of fields, keys and indices is another one."""
    old = part[first] if isinstance(first, int) or isinstance(part, dict) else getattr(part, first)
    new = edited(old, *rest) if rest else old + 5
    if isinstance(part, tuple):
        return (*part[:first], new, *part[first + 1 :])
    if isinstance(part, dict):
        return {**part, first: new}
    return dataclasses.replace(part, **{first: new})


EDITS = {
    "nll": "likelihood value",
    "nll_drift": "likelihood drift value",
    "nll 100-200": "likelihood slices 1 value",
    "relative nll": "likelihood relative value",
    "relative nll_drift": "likelihood relative drift value",
    "relative nll 100-200": "likelihood relative slices 1 value",
    "continuation rougeL drift": "forced metrics rougeL drift value",
    "continuation rougeL 0-100": "forced metrics rougeL slices 0 value",
    "lift likelihood random all": "lift likelihood random all own_other value",
    "lift likelihood empty all": "lift likelihood topic all own_empty value",
    "lift texts topic rougeL": "lift texts topic rougeL own_other value",
    "author top1 by characters": "authors characters top1 value",
}
"""Number as the message names it → where the record holds it."""


def with_quality(record, value, low=1.0):
    """The record with a measure of text quality; the examples' mean is 5."""
    keys = list(record.examples)
    measured = {key: {"repeated_4grams": float(at % 2) * 10} for at, key in enumerate(keys)}
    score = QualityScore(value=value, low=low, high=low, references=3.0, signature="made up")
    record = dataclasses.replace(record, quality={"repeated_4grams": score})
    return record.with_values(quality=measured)


def path(words):
    return [int(one) if one.isdigit() else one for one in words.split()]


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("verb", ["compare", "claims"])
def test_a_number_that_its_examples_do_not_give_is_refused_by_name(tmp_path, name, verb):
    folders = write_runs(tmp_path, ["sft", "rag"], ["product_review"], examples=12, full=True)
    document = {
        "compare": compare,
        "claims": partial(claims_document, paper=papers()["flythinker"]),
    }[verb]
    assert document([tmp_path]).title
    record = read_record(folders[0])
    write_record(edited(record, *path(EDITS[name])), folders[0])
    with pytest.raises(DataError) as error:
        document([tmp_path])
    head = f"{record.method}, run {record.run_id}: the examples' values of {name} do not give"
    assert head in str(error.value)


def test_text_quality_that_the_examples_do_not_give_is_refused(tmp_path):
    folders = write_runs(tmp_path, ["sft", "rag"], ["product_review"], examples=12)
    plain = read_record(folders[0])
    write_record(with_quality(plain, 5.0), folders[0])
    assert compare([tmp_path]).title
    write_record(with_quality(plain, 6.0, low=None), folders[0])  # as where one sample has no value
    assert compare([tmp_path]).title
    write_record(with_quality(plain, 6.0), folders[0])
    with pytest.raises(DataError, match="values of repeated_4grams do not give its score"):
        compare([tmp_path])


def test_records_without_values_by_example_are_compared(tmp_path):
    """As older ones are, which have no lift of examples."""
    folders = write_runs(tmp_path, ["sft", "rag"], ["product_review"], examples=12, full=True)
    for folder in folders:
        record = read_record(folder)
        examples = {
            key: dataclasses.replace(one, lift=None) for key, one in record.examples.items()
        }
        write_record(dataclasses.replace(record, examples=examples), folder)
    assert compare([tmp_path]).title


def test_a_continuation_by_a_metric_that_is_not_installed_is_not_held_against_its_values(tmp_path):
    folders = write_runs(tmp_path, ["sft", "rag"], ["product_review"], examples=12, full=True)
    for folder in folders:
        record = read_record(folder)
        forced = edited(record.forced, "metrics", "rougeL", "slices", 0, "value")
        metrics = {"elsewhere": forced.metrics["rougeL"]}
        examples = {
            key: dataclasses.replace(one, forced={"elsewhere": one.forced["rougeL"]})
            for key, one in record.examples.items()
        }
        forced = dataclasses.replace(forced, metrics=metrics)
        write_record(dataclasses.replace(record, forced=forced, examples=examples), folder)
    assert compare([tmp_path]).title
