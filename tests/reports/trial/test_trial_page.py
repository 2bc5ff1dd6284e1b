"""The page of a trial: verdicts in sentences, tables, a figure."""

from __future__ import annotations

from harness.reports.render.pages import to_html, to_markdown
from harness.reports.trial.trial_page import HEADS, agreement_table, document, duels_table
from harness.reports.trial.words import FAILURES, outcome_sentences, why_failed
from tests.support.trials import PADS, metric, trial


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
    page = document(trial(left_out=2))
    html, markdown = to_html(page), to_markdown(page)
    places = [html.index(words) for words in ("1 of 2 metrics pass", "<svg", "own &gt; other")]
    assert places == sorted(places)
    assert "2 examples left out" in html
    assert "METEOR ‡" in markdown
    assert page.facts["metrics"]["meteor"]["failed"] == ("padded_over_own",)
    assert "90 [82, 98] %" in page.sections[0].pictures[0].alt


def test_a_title_fits_its_panel():
    """Drawn from the left edge of its axes, which long names of metrics make narrow."""
    page = document(trial(metrics={"following": metric("preferences followed")}))
    drawing = page.sections[0].pictures[0].drawing
    drawing.draw_without_rendering()
    width = drawing.bbox.width
    for axes in drawing.axes:
        ends = [text.get_window_extent().x1 for text in (axes._left_title, axes.title)]
        assert max(ends) < width
