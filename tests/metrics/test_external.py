"""Metrics of the evaluate package, from scripts written here: no network."""

from __future__ import annotations

import re

import pytest

from harness.errors import UsageError
from harness.leaderboard.page_data import score_column
from harness.metrics import better_of
from harness.metrics import metric as find_metric
from harness.metrics.forced import forced_scores, window_pair
from harness.metrics.scoring import scored
from harness.pipeline.evaluate.texts import free_slices, slices_of
from harness.reports.compared.measures import measure_of
from tests.support.evaluate_script import SCRIPT
from tests.support.texts import pairs, panel, score


@pytest.fixture
def metric(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))

    def write(name, result):
        folder = tmp_path / name.lower()
        folder.mkdir(exist_ok=True)
        (folder / f"{name.lower()}.py").write_text(SCRIPT.format(name=name, result=result))
        return f"evaluate:{folder}"

    return write


def test_the_first_number_is_the_score(metric):
    name = metric("Share", '{"note": "text", "share": sum(equal) / len(equal), "other": 7}')
    found = score(name, ["a", "b", ""], ["a", "c", "d"])
    assert found.value == pytest.approx(1 / 3)  # one of three is equal, on its own scale
    assert found.each == (1.0, 0.0, 0.0)
    assert "|key:share|scale:own|evaluate:" in found.signature


@pytest.mark.parametrize(
    ("folder", "neighbour"), [("m[1]", "m1"), ("m*", "more"), ("m?x=1", "m"), ("a%20b", "a b")]
)
def test_a_path_to_a_metric_is_a_path(metric, tmp_path, folder, neighbour):
    scripts = {}
    for place, result in ((folder, '{"value": 1}'), (neighbour, '{"value": 2}')):
        home = tmp_path / place
        home.mkdir()
        scripts[place] = home / "told.py"
        scripts[place].write_text(SCRIPT.format(name="Told", result=result))
    assert score(f"evaluate:{scripts[folder]}", ["a"], ["a"]).value == 1


def test_a_list_of_numbers_has_one_for_each_pair(metric):
    found = score(metric("Listed", '{"f1": equal}'), ["a", "b"], ["a", "c"])
    assert (found.value, found.each) == (0.5, (1.0, 0.0))


@pytest.mark.parametrize(
    ("given", "read"),
    [("10", 10), ("0.5", 0.5), ("false", False), ("none", None), ("13a", "13a"), ('"2"', "2")],
)
def test_options_are_read_and_signed_as_settings_are(metric, given, read):
    name = metric("Scaled", f'{{"same": float(repr(factor) == {repr(read)!r})}}')
    found = score(f"{name}?factor={given}", ["a"], ["a"])
    assert found.value == 1
    assert f"|factor={read!r}|key:same|" in found.signature


def test_the_signature_follows_the_script(metric):
    signatures = [
        score(metric("Edited", result), ["a"], ["a"]).signature
        for result in ('{"value": 1}', '{"value": 2}', '{"value": 1}')
    ]
    assert signatures[0] == signatures[2] != signatures[1]
    assert signatures[0].partition("|script:")[0] == signatures[1].partition("|script:")[0]


DIRECTIONS = {
    "wer": "lower", "evaluate-metric/wer": "lower", "/no/where/wer.py": "lower",
    "wer?better=higher": "higher", "perplexity?model_id=gpt2": "lower",
    "rouge": "higher", "mine": "higher", "mine?better=lower": "lower",
    "/no/where/mine?a=1&better=lower": "lower",
}  # fmt: skip


@pytest.mark.parametrize("query", DIRECTIONS)
def test_which_end_wins_is_known_from_the_name_alone(query, monkeypatch):
    monkeypatch.delattr("harness.metrics.external._load")
    name, expected = f"evaluate:{query}", DIRECTIONS[query]
    assert better_of(name) == expected
    measure = measure_of(name)
    assert measure.better == expected
    assert measure.lower_is_better == (expected == "lower")
    assert score_column(name, []).better == expected


def test_the_direction_is_not_an_argument_of_the_metric(metric):
    name = metric("Errors", '{"errors": 1 - equal[0]}')  # any other argument than factor fails
    higher, lower = (
        score(f"{name}?factor=1{more}", ["a"], ["b"]) for more in ("", "&better=lower")
    )
    assert (higher.value, lower.value) == (1, 1)
    assert find_metric(f"{name}?better=lower").better == "lower"
    # who says what holds anyway keeps the signature
    assert "better" not in higher.signature
    assert lower.signature == higher.signature.replace("|scale:own|", "|scale:own|better:lower|")
    said = score(f"{name}?factor=1&better=higher", ["a"], ["b"])
    assert said.signature == higher.signature


def test_another_direction_is_refused():
    expected = "metric evaluate:wer?better=up: better=up; expected better=lower or better=higher"
    with pytest.raises(UsageError, match=re.escape(expected)):
        better_of("evaluate:wer?better=up")


def test_no_pairs_is_null_with_a_reason(metric):
    found = score(metric("Never", '{"value": 1}'), [], [])
    assert found.missing == "nothing to average: no example was scored"


NO_VALUE = {
    "no number": (
        '{"note": "text"}',
        "example 1 of 3 (1 words against 1): it gave no number but {'note': 'text'};",
    ),
    "always": ("1 / 0", "example 1 of 3 (1 words against 1): ZeroDivisionError: division by zero;"),
    "too many": (
        '{"f1": [1.0, 2.0, 3.0, 4.0]}',
        "all 3 examples together: 4 values under 'f1'; expected one for each of 3 pairs;",
    ),
    # evaluate's bleu: a corpus has a length, an empty text alone has none to divide by
    "on an empty text alone": (
        '{"bleu": len(references) / sum(map(len, predictions))}',
        "example 2 of 3 (0 words against 1): ZeroDivisionError: division by zero;",
    ),
    "on all texts with an empty one": (
        '{"value": sum(1 / len(one) for one in predictions)}',
        "example 2 of 3 (0 words against 1): ZeroDivisionError: division by zero;",
    ),
    "not a number": (
        '{"value": float("nan") if "" in predictions else 1.0}',
        "example 2 of 3 (0 words against 1): value is nan;",
    ),
    "not a number in a list": (
        '{"f1": [1.0 if one else float("nan") for one in predictions]}',
        "example 2 of 3 (0 words against 1): f1 is nan;",
    ),
    "infinite": ('{"value": float("inf")}', "example 1 of 3 (1 words against 1): value is inf;"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_VALUE)
def test_a_failing_metric_is_null_and_names_the_example(metric, case):
    result, expected = NO_VALUE[case]
    name = metric("Failing", result)
    found = score(name, ["a", "", "c"], ["a", "b", "c"])
    assert (found.value, found.each) == (None, (None, None, None))
    assert found.missing.startswith(f"{name} has no value: {expected}")
    assert found.missing.endswith("; leave it out, or give it options (NAME?option=value)")


def test_a_wrong_option_is_reported(metric):
    found = score(metric("Strict", '{"value": 1}') + "?factr=2", ["a"], ["a"])
    assert "TypeError" in found.missing
    assert "unexpected keyword argument 'factr'" in found.missing


def test_of_an_error_the_first_line_is_kept(metric):
    raised = 'ValueError("no numbers\\nInput predictions: " + predictions[0])'
    name = metric("Verbose", f"(_ for _ in ()).throw({raised})")
    assert ": ValueError: no numbers; leave it out" in score(name, ["a text"], ["a"]).missing


FAILS_ON_EMPTY = '{"value": sum(1 / len(one) for one in predictions)}'


def test_a_slice_that_the_metric_fails_on_is_null_and_says_so(metric):
    name = metric("Slice", FAILS_ON_EMPTY)
    own = find_metric(name)
    first, second = free_slices(own, slices_of([pairs(["a b"], ["a b c d"])], (0, 2)), panel("u"))
    assert first.value == pytest.approx(1 / 3)  # "a b" has three characters
    assert first.missing is None
    assert second.value is None
    assert "example 1 of 1 (0 words against 2): ZeroDivisionError" in second.missing


def test_a_window_that_the_metric_fails_on_is_null_and_says_so(metric):
    name = metric("Window", FAILS_ON_EMPTY)
    (whole,) = pairs(["a b"], ["a b c d"])
    windows = [[window_pair("a b", whole, start, 2) for start in (0, 2)]]
    scores = forced_scores(find_metric(name), windows, (0, 2), panel("u"))
    found, each = scores.entry, scores.each
    assert found.value is None
    assert "example 2 of 2 (0 words against 2): ZeroDivisionError" in found.missing
    assert [row.value for row in found.slices] == [pytest.approx(1 / 3), None]
    assert each == [[pytest.approx(1 / 3), None]]
    assert found.drift.value is None
    assert found.drift.missing == found.slices[1].missing


NOT_A_MEAN = '{"value": sum(map(len, predictions))}'  # as of wer, over all words


def test_rows_that_do_not_give_the_value_are_not_compared(metric):
    own = find_metric(metric("Whole", NOT_A_MEAN))
    found = scored(own, [pairs(["a", "bcd"], ["a", "b"])], panel("uv"))
    assert (found.score.value, found.score.each) == (4, (1, 3))  # their mean is 2
    assert (found.score.low, found.rows) == (None, None)
    alone = scored(own, [pairs(["a"], ["a"])], panel("u"))
    assert alone.rows.tolist() == [[[1, 1]]]


def test_a_slope_of_values_that_the_windows_do_not_give_is_null(metric):
    whole = pairs(["a b c d"] * 2, ["a b c d"] * 2)
    windows = [[window_pair("a bb c ddd", one, start, 2) for start in (0, 2)] for one in whole]
    own = find_metric(metric("Windows", NOT_A_MEAN))
    found = forced_scores(own, windows, (0, 2), panel("uv")).entry
    assert [row.value for row in found.slices] == [8, 10]  # "a bb" and "c ddd", twice
    assert found.drift.value is None
    assert found.drift.missing == (
        "the value of a slice does not follow from those of its windows, over which a slope is"
        " taken"
    )


def test_a_sample_without_a_value_leaves_the_mean_without_one(metric):
    name = metric("Sample", FAILS_ON_EMPTY)
    found = scored(find_metric(name), [pairs(["a"], ["a"]), pairs([""], ["a"])], panel("u")).score
    assert (found.value, found.each) == (None, (None,))
    assert "example 1 of 1 (0 words against 1)" in found.missing


def test_a_metric_that_cannot_be_loaded_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_EVALUATE_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"could not be loaded: .*a path to a metric's script"):
        score(f"evaluate:{tmp_path / 'nothing'}", ["a"], ["a"])
