"""The page of a trial: verdicts in sentences, tables, a figure."""

from __future__ import annotations

from harness.record import Estimate
from harness.record.trials import Trial, TriedMetric
from harness.reports.render.pages import to_html, to_markdown
from harness.reports.trial.trial_page import HEADS, agreement_table, document, duels_table
from harness.reports.trial.words import FAILURES, outcome_sentences, why_failed


def metric(title, own=70.0, padded=30.0, failed=(), outcome="passes"):
    auc = dict.fromkeys(HEADS, Estimate(value=50.0, low=40.0, high=60.0))
    auc["own_over_other"] = Estimate(value=own, low=own - 8, high=own + 8)
    auc["padded_over_own"] = Estimate(value=padded, low=padded - 8, high=padded + 8)
    return TriedMetric(
        title=title,
        signature=title,
        better="higher",
        outcome=outcome,
        failed=failed,
        auc=auc,
        agreement={"bleu": Estimate(value=0.5)},
    )


PADS = metric("METEOR", own=64.0, padded=90.0, failed=("padded_over_own",), outcome="fails")
ABSENT = TriedMetric(
    title="Judge",
    signature="judge",
    better="higher",
    outcome="no value",
    missing="it needs a model",
    auc={},
    agreement={},
)


def trial(**changes):
    values = {
        "version": 1, "task": "product_review", "split": "test", "source": "folder",
        "setting": "user", "fingerprint": "f" * 64, "seed": 0, "examples": 30, "users": 25,
        "left_out": 0, "planted": {"own": "another text of the same author"}, "words": {"own": 8.0},
        "metrics": {"meteor": PADS, "bleu": metric("BLEU"), "judge": ABSENT},
        "controls": {"text length": metric("text length", own=48.0, padded=92.0)},
    }  # fmt: skip
    return Trial(**values | changes)


def test_sentences_say_which_metrics_pass_and_why_others_fail():
    assert outcome_sentences(trial().metrics) == [
        "1 of 2 metrics pass: BLEU.",
        "METEOR fails: it prefers the author's own text padded to twice its length"
        " (90 [82, 98] %).",
        "Judge has no value: it needs a model.",
    ]


def test_every_reason_to_fail_has_words():
    from harness.metrics.trial.duels import DUELS, MUST_NOT_WIN, MUST_WIN

    assert set(FAILURES) == {MUST_WIN, *MUST_NOT_WIN}
    assert set(HEADS) == set(DUELS)


def test_few_users_have_no_verdict():
    few = {"bleu": metric("BLEU", outcome="too few users")}
    assert outcome_sentences(few) == ["Too few users for a verdict on BLEU: read the intervals."]


def test_the_table_ranks_by_own_over_other_and_marks_what_fails():
    table = duels_table(trial())
    assert [row[0] for row in table.rows] == ["BLEU", "METEOR ‡", "Judge", "text length"]
    assert table.faint == {3}
    why = [row[-1] for row in table.rows]
    assert why == ["", why_failed(PADS), "it needs a model", ""]


def test_agreement_is_a_square_of_metrics_with_values():
    table = agreement_table(trial())
    assert [column.title for column in table.columns[1:]] == [row[0] for row in table.rows]
    meteor, bleu, _ = table.rows
    assert (meteor[2].value, bleu[2].value) == (0.5, None)  # a metric with itself: nothing


def test_the_page_starts_with_the_verdicts_then_figure_then_tables():
    page = document(trial(left_out=2), "harness trial")
    html, markdown = to_html(page), to_markdown(page)
    places = [html.index(words) for words in ("1 of 2 metrics pass", "<svg", "own &gt; other")]
    assert places == sorted(places)
    assert "2 examples left out" in html
    assert "METEOR ‡" in markdown
    assert page.facts["metrics"]["meteor"]["failed"] == ("padded_over_own",)
    assert "90 [82, 98] %" in page.sections[0].pictures[0].alt
