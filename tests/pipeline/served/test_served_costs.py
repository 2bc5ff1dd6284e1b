"""Times and refusals of a model behind an API."""

import time

import pytest

from harness.pipeline.generation_costs import COSTS
from harness.pipeline.served import views
from harness.record import PREDICTIONS, read_predictions
from tests.support.api_server import chat_reply, serving
from tests.support.runs import StopNowError, go, stop_now


def run_rag(tmp_path, reviews, server, *more):
    name = f"openai:{server.url}#tiny"
    return go(tmp_path, reviews, name, "rag", "data.limit=4", "eval.authors=false", *more)


def texts_only(tmp_path, reviews, server, monkeypatch):
    """A run that is killed when it has its texts; its folder."""
    with monkeypatch.context() as patched:
        patched.setattr(views, "evaluate_texts", stop_now)
        with pytest.raises(StopNowError):
            run_rag(tmp_path, reviews, server)
    return next((tmp_path / "results").rglob(PREDICTIONS)).parent


def slow(body):
    time.sleep(0.05)
    return chat_reply("text")  # 7 tokens, as the server counts


@pytest.mark.parametrize("lost", [True, False], ids=["times lost", "texts lost"])
def test_tokens_per_second_are_of_the_texts_with_a_time(tmp_path, reviews, monkeypatch, lost):
    with serving(slow) as server:
        folder = texts_only(tmp_path, reviews, server, monkeypatch)
        lines = (folder / PREDICTIONS).read_text().splitlines(keepends=True)
        (folder / PREDICTIONS).write_text("".join(lines[:3]))
        if lost:
            (folder / COSTS).unlink()
        outcome = run_rag(tmp_path, reviews, server)
    found = outcome.record.inference
    assert found.visible_tokens == 4 * 7
    assert found.examples_timed == found.batches_timed == (1 if lost else 4)
    assert found.tokens_per_s == pytest.approx(7 / found.seconds_per_example)
    assert found.seconds_per_example >= 0.05


@pytest.mark.parametrize("reason", ["stop", "content_filter"])
def test_a_refusal_in_place_of_a_text_is_a_failure_in_the_servers_words(tmp_path, reviews, reason):
    refused = chat_reply(None, reason, refusal="I can't help with that \ud800.")
    replies = [chat_reply("text", refusal=None), chat_reply("text", refusal=""), refused, refused]
    with serving(lambda body: replies.pop()) as server:
        outcome = run_rag(tmp_path, reviews, server)
    record = outcome.record
    assert (record.n.failed, record.status) == (2, "failed")
    errors = [text.error for text in read_predictions(outcome.folder) if text.error]
    assert len(errors) == 2
    assert all("I can't help with that \ufffd." in error for error in errors)
    assert record.inference.examples_timed == 2
