"""Failures at a server that overtake texts: what is under way is kept, and may save the run."""

import json
import threading
from time import sleep

import pytest

from harness.errors import UsageError
from harness.record import PREDICTIONS
from tests.support.api_server import chat_reply, refusal, serving
from tests.support.runs import go

pytestmark = pytest.mark.usefixtures("at_once")
WORDS = ("eval.lift=[]", "api.concurrent=8")


class Overtaken:
    """A server with eight requests under way, of which three fail before the others are given."""

    def __init__(self, failure, others):
        self.failure, self.others = failure, others
        self.count, self.lock, self.eight = 0, threading.Lock(), threading.Event()

    def __call__(self, body):
        with self.lock:
            self.count += 1
            number = self.count
        if number == 8:
            self.eight.set()
        self.eight.wait(5)
        if number <= 3:
            return self.failure
        sleep(0.3)
        return self.others


def lines(tmp_path):
    path = next((tmp_path / "results").rglob(PREDICTIONS))
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_three_refusals_among_texts_do_not_stop_a_run(tmp_path, reviews):
    with serving(Overtaken(refusal(400, "too long"), chat_reply("a text"))) as server:
        done = go(tmp_path, reviews, f"openai:{server.url}#tiny", "rag", *WORDS)
    assert (done.record.n.planned, done.record.n.failed) == (8, 3)
    assert sum(not line["error"] for line in lines(tmp_path)) == 5


def test_a_run_without_a_text_stops(tmp_path, reviews):
    with (
        serving(lambda body: refusal(400, "too long")) as server,
        pytest.raises(UsageError, match=r"(?s)3 requests in a row failed.*too long"),
    ):
        go(tmp_path, reviews, f"openai:{server.url}#tiny", "rag", *WORDS)
    assert all(line["error"] for line in lines(tmp_path))


def test_texts_under_way_are_kept_where_no_request_can_succeed_any_more(tmp_path, reviews):
    with (
        serving(Overtaken(refusal(402, "no credit"), chat_reply("a text"))) as server,
        pytest.raises(UsageError, match="no credit"),
    ):
        go(tmp_path, reviews, f"openai:{server.url}#tiny", "rag", *WORDS)
    assert sum(not line["error"] for line in lines(tmp_path)) == 5


def test_answers_for_the_lift_are_kept_one_by_one(tmp_path, reviews):
    """Of eight under way one ends the run; the same command asks for the others no more."""
    words = ("eval.lift=texts", "eval.donors=1", "eval.likelihood=false", "api.concurrent=8")

    def made_by(server, results):
        return go(results, reviews, f"openai:{server.url}#tiny", "rag", *words)

    with serving(lambda body: chat_reply("a text")) as server:
        made_by(server, tmp_path / "whole")
        planned = len(server.requests)
        swaps, texts = Overtaken(refusal(402, "no credit"), chat_reply("a text")), []

        def first_texts(body):
            texts.append(body)
            return chat_reply("a text") if len(texts) <= 8 else swaps(body)

        server.requests.clear()
        server.answer = first_texts
        with pytest.raises(UsageError, match="no credit"):
            made_by(server, tmp_path)
        asked = len(server.requests)
        server.answer = lambda body: chat_reply("a text")
        made_by(server, tmp_path)
    assert asked == 16
    assert len(server.requests) == planned + 3
