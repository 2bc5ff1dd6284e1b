"""Lift of a model behind an API where the server refuses or withholds something for good."""

import pytest

from harness.engine.endpoint.failures import RequestFailedError
from harness.progress import Bars
from tests.support.api_server import chat_reply, refusal, serving, text_reply
from tests.support.runs import go

pytestmark = pytest.mark.usefixtures("at_once")


def run_rag(tmp_path, reviews, server, *more, end=""):
    return go(
        tmp_path, reviews, f"openai:{server.url}{end}#tiny", "rag", "data.limit=4",
        "eval.donors=1", "eval.authors=false", *more,
    )  # fmt: skip


def after(number, fault, usual):
    """Answers with `usual`, and once, after `number` requests, with `fault`."""
    asked = []

    def answer(body):
        asked.append(body)
        return fault if len(asked) == number + 1 else usual

    return answer


FAULTS = {
    "refused": (refusal(400, "too long for this model"), "HTTP 400: too long for this model"),
    "withheld": (chat_reply("", "content_filter"), "finish_reason content_filter"),
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS)
def test_a_swapped_text_that_cannot_be_had_leaves_the_lift_out(
    tmp_path, reviews, monkeypatch, fault, said
):
    messages = []
    monkeypatch.setattr(Bars, "say", lambda bars, text: messages.append(text))
    with serving(after(6, fault, chat_reply("I bought this grill."))) as server:
        outcome = run_rag(tmp_path, reviews, server, "eval.lift=texts")
    record = outcome.record
    assert (record.status, record.n.scored, record.n.failed) == ("complete", 4, 0)
    assert record.lift is None
    assert all(values.lift is None for values in record.examples.values())
    reason = record.backbone.api.no_lift
    assert reason.startswith("no lift on texts: example ")
    assert " with no profile: " in reason  # the first of the swaps
    assert said in reason
    assert any(f"example {key} " in reason for key in record.examples)
    assert messages[-1] == reason


def test_a_text_of_its_own_that_failed_leaves_the_lift_on_texts_out(tmp_path, reviews):
    with serving(after(1, refusal(400, "too long"), chat_reply("Fine."))) as server:
        outcome = run_rag(tmp_path, reviews, server, "eval.lift=texts")
    record = outcome.record
    assert record.n.failed == 1
    assert record.lift is None
    assert "has no text: " in record.backbone.api.no_lift
    assert "HTTP 400: too long" in record.backbone.api.no_lift
    assert len(server.requests) == 4  # no swapped text is asked for in vain


def test_a_refused_likelihood_leaves_that_lift_out_and_keeps_the_other(tmp_path, reviews, backbone):
    echoed = []

    def answer(body):
        if not body.get("echo"):
            return text_reply("I bought this grill.")
        echoed.append(body)
        if len(echoed) == 7:  # four of its own, then swapped ones
            return refusal(400, "maximum context length is 100 tokens")
        return text_reply("x", logprobs={"token_logprobs": [None] + [-1.0] * len(body["prompt"])})

    with serving(answer) as server:
        outcome = run_rag(
            tmp_path, reviews, server, "eval.lift=likelihood,texts",
            f"model.tokenizer={backbone}", end="/completions",
        )  # fmt: skip
    record = outcome.record
    assert record.status == "complete"
    assert record.likelihood is not None
    assert record.backbone.api.no_logprobs is None
    assert record.lift.likelihood is record.lift.tokens is None
    assert record.lift.texts is not None
    reason = record.backbone.api.no_lift
    assert reason.startswith("no lift on likelihood: example ")
    assert "HTTP 400: maximum context length is 100 tokens" in reason
    assert "lower budget.profile" in reason
    texts = [body for body in server.requests if not body.get("echo")]
    assert len(texts) == len({str(body) for body in texts})  # none is asked for twice


def test_a_refused_reference_has_the_servers_words(tmp_path, reviews, backbone):
    def answer(body):
        return refusal(400, "at most 100 tokens") if body.get("echo") else text_reply("text")

    with serving(answer) as server:
        more = ("eval.lift=likelihood", f"model.tokenizer={backbone}")
        outcome = run_rag(tmp_path, reviews, server, *more, end="/completions")
    said = outcome.record.backbone.api.no_logprobs
    assert "the server refused example " in said
    assert "HTTP 400: at most 100 tokens" in said


def test_a_server_that_goes_away_in_the_lift_stops_the_run_which_goes_on_later(tmp_path, reviews):
    asked = []

    def goes_away(body):
        asked.append(body)
        return chat_reply("text") if len(asked) <= 6 else refusal(503, "later")

    with serving(goes_away) as server:
        more = ("eval.lift=texts", "api.attempts=2", "api.concurrent=1")
        with pytest.raises(RequestFailedError, match="HTTP 503: later"):
            run_rag(tmp_path, reviews, server, *more)
        server.answer = lambda body: chat_reply("text")
        outcome = run_rag(tmp_path, reviews, server, *more)
    assert outcome.record.lift is not None
    assert outcome.record.backbone.api.no_lift is None
