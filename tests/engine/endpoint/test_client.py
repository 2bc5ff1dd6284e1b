"""Requests to a server that misbehaves."""

import json
import socket
import threading
from email.utils import formatdate
from time import monotonic, sleep, time

import pytest

from harness.engine.endpoint import client as client_module
from harness.engine.endpoint.address import address_of
from harness.engine.endpoint.client import Client
from harness.engine.endpoint.concurrent import as_they_end
from harness.engine.endpoint.failures import RequestFailedError, StoppedError
from harness.errors import UsageError
from harness.settings import ApiSettings
from tests.support.api_server import (
    chat_reply,
    cut,
    raw,
    refusal,
    serving,
    silent,
    trickle,
    trickle_of_chunks,
    truncated,
)

BODY = {"model": "m", "messages": [], "max_tokens": 5, "top_k": -1, "seed": 3}


def to(server, sleeps=None, **settings):
    sleeps = [] if sleeps is None else sleeps
    address = address_of(f"openai:{server.url}#m")
    return Client(address, ApiSettings(**settings), sleep=sleeps.append)


FAULTS = {
    "too many requests": refusal(429),
    "a broken server": refusal(500),
    "a proxy without server": raw("<html>bad gateway</html>", 502),
    "an overloaded server": refusal(529),
    "a cut connection": cut,
    "half an answer": truncated,
    "no JSON": raw("null and void"),
    "JSON without choices": raw('{"choices": []}'),
    "JSON of another shape": raw('[{"choices": 1}]'),
    "a text that is no text": raw('{"choices": [{"message": {"content": 7}}]}'),
    "silence": silent,
    "a trickle": trickle,
    "a trickle of chunks": trickle_of_chunks,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_passes_is_waited_for(fault):
    sleeps = []
    with serving(lambda body: chat_reply("at last"), [fault, fault]) as server:
        client = to(server, sleeps, timeout_s=0.5)
        assert client.post(BODY).text == "at last"
    assert sleeps == [1.0, 2.0]  # the waits double
    assert client.repeated == 2
    assert server.requests == [BODY] * 3  # the same request, with the same seed


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_stays_names_url_finding_and_cure(fault):
    with serving(lambda body: fault) as server:
        client = to(server, attempts=3, timeout_s=0.4)
        with pytest.raises(RequestFailedError) as failed:
            client.post(BODY)
    said = str(failed.value)
    assert said.startswith(f"{server.url}/chat/completions, model m\n  found     ")
    assert "attempt 3 of 3" in said
    assert "mend      " in said
    assert len(server.requests) == 3


@pytest.mark.parametrize("fault", [silent, trickle, trickle_of_chunks])
def test_an_answer_has_one_time_limit_however_it_comes(fault):
    with serving(lambda body: fault) as server:
        begin = monotonic()
        with pytest.raises(RequestFailedError, match=r"no answer within 0\.3 s") as failed:
            to(server, attempts=1, timeout_s=0.3).post(BODY)
        took = monotonic() - begin
    assert failed.value.kind == "timeout"
    assert 0.3 <= took < 3


def test_a_trickle_of_spaces_before_an_answer_is_no_part_of_it():
    def slow(handler, body):
        text = b" " * 5 + json.dumps(chat_reply("after all")).encode() + b" "
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        for byte in text[:5]:
            handler.wfile.write(bytes([byte]))
            sleep(0.02)
        handler.wfile.write(text[5:])

    with serving(lambda body: slow) as server:
        client = to(server)
        assert [client.post(BODY).text for _ in range(2)] == ["after all"] * 2


def test_the_server_says_how_long_to_wait():
    later = formatdate(time() + 40, usegmt=True)
    faults = [refusal(429, Retry_After="17"), refusal(503, Retry_After=later),
              refusal(503, Retry_After="soon")]  # fmt: skip
    sleeps = []
    with serving(lambda body: chat_reply("ok"), faults) as server:
        to(server, sleeps).post(BODY)
    assert sleeps[0] == 17
    assert 37 < sleeps[1] <= 40
    assert sleeps[2] == 4  # unreadable: the third wait


def test_a_wait_of_an_hour_is_not_waited():
    sleeps = []
    with (
        serving(lambda body: None, [refusal(429, "quota", Retry_After="3600")]) as server,
        pytest.raises(RequestFailedError, match="asks to wait 3600 s") as failed,
    ):
        to(server, sleeps).post(BODY)
    assert not sleeps
    assert "HTTP 429: quota" in str(failed.value)


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (401, "environment variable MY_KEY"),
        (403, "environment variable MY_KEY may not use this model"),
        (404, "GET http://127.0.0.1:[0-9]+/v1/models"),
        (302, "the URL to which the server redirects"),
        (308, "the URL to which the server redirects"),
    ],
)
def test_what_every_request_would_meet_is_said_at_once(status, cure):
    with (
        serving(lambda body: refusal(status, "because", Location="http://127.0.0.1:9")) as server,
        pytest.raises(UsageError, match=f"(?s)HTTP {status}: because.*{cure}"),
    ):
        to(server, key="MY_KEY").post(BODY)
    assert len(server.requests) == 1


def test_a_request_that_is_refused_fails_alone():
    with (
        serving(lambda body: refusal(400, "too long")) as server,
        pytest.raises(RequestFailedError, match=r"(?s)HTTP 400: too long.*budget") as failed,
    ):
        to(server).post(BODY)
    assert failed.value.status == 400
    assert len(server.requests) == 1


def test_no_server_is_said_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sleeps = []
    client = Client(
        address_of(f"openai:http://127.0.0.1:{port}/v1#m"), ApiSettings(), sleep=sleeps.append
    )
    with pytest.raises(UsageError, match=r"(?s)ConnectionRefusedError.*start the server"):
        client.post(BODY)
    assert not sleeps


def test_a_server_that_goes_away_is_waited_for():
    with serving(lambda body: chat_reply("ok")) as server:
        client = to(server, attempts=2)
        client.post(BODY)
    with pytest.raises(RequestFailedError, match="attempt 2 of 2"):
        client.post(BODY)


def test_the_key_is_sent_and_never_said(monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret\n")
    with (
        serving(lambda body: refusal(401, "wrong key sk-secret")) as server,
        pytest.raises(UsageError, match=r"wrong key \*\*\*") as refused,
    ):
        to(server, key="MY_KEY").post(BODY)
    assert server.keys == ["Bearer sk-secret"]
    assert "sk-secret" not in str(refused.value)


def test_without_a_key_none_is_sent(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(lambda body: chat_reply("ok")) as server:
        to(server).post(BODY)
    assert server.keys == [None]


def test_a_field_that_the_server_does_not_know_is_left_out_from_then_on():
    def answer(body):
        for name in ("top_k", "seed"):
            if name in body:
                return refusal(400, f"Unrecognized request argument supplied: {name}")
        if "max_tokens" in body:
            return refusal(400, "'max_tokens' is not supported. Use 'max_completion_tokens'")
        return chat_reply(str(sorted(body)))

    with serving(answer) as server:
        client = to(server)
        for _ in range(2):
            assert client.post(BODY).text == "['max_completion_tokens', 'messages', 'model']"
    assert client.left_out == {"top_k", "seed"}
    assert len(server.requests) == 5
    assert not client.repeated


def test_an_answer_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(client_module, "MOST_BYTES", 10)
    with (
        serving(lambda body: chat_reply("long")) as server,
        pytest.raises(RequestFailedError, match="no reply with choices"),
    ):
        to(server, attempts=1).post(BODY)


def test_results_come_as_they_end_and_an_error_ends_them():
    """What is under way when one fails still comes, and nothing else is begun."""
    release, begun = threading.Event(), []

    def slow_first(item):
        begun.append(item)
        if item == 0:
            release.wait(10)
        if item == 3:
            threading.Timer(0.1, release.set).start()
            raise ValueError("three")
        return item * 10

    results = as_they_end(slow_first, range(20), 2)
    assert [next(results) for _ in range(3)] == [(1, 10), (2, 20), (0, 0)]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert sorted(begun) == [0, 1, 2, 3]


def test_a_closed_client_waits_for_no_next_attempt():
    """Retry-After may be minutes; the request under way ends at once."""
    with serving(lambda body: chat_reply("late"), [refusal(503, Retry_After="200")]) as server:
        client = Client(address_of(f"openai:{server.url}#m"), ApiSettings())
        threading.Timer(0.2, client.close).start()
        with pytest.raises(StoppedError, match="the run has stopped"):
            client.post(BODY)
        client.reopen()
        assert client.post(BODY).text == "late"
    assert len(server.requests) == 2
