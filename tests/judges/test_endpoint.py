"""An endpoint that misbehaves: what passes by itself is repeated, the rest has a name."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.engine.endpoint.address import address_of
from harness.engine.endpoint.client import BUSY, FATAL, FIRST_WAIT_S, LONGEST_WAIT_S, NEVER, Client
from harness.errors import UsageError
from harness.judges.endpoint import KEY, OPTIONS, Endpoint, endpoint_of
from harness.settings import ApiSettings
from tests.support.judge_stub import Stub, served


@pytest.fixture
def stub():
    with served(Stub(lambda prompt: "fine")) as found:
        yield found


def endpoint(stub):
    settings = ApiSettings(key=KEY, attempts=3, timeout_s=0.3)
    address = address_of(f"{stub.url}#m", prefix="")
    return Endpoint(Client(address, settings, lambda seconds: None, OPTIONS))


def test_a_reply_has_its_cost_and_is_asked_for_at_temperature_0(stub, monkeypatch):
    monkeypatch.setenv(KEY, "secret")
    found = endpoint(stub).ask("hello")
    assert (found.text, found.failure) == ("fine", None)
    assert (found.prompt_tokens, found.completion_tokens, found.retries) == (100, 10, {})
    assert stub.bodies[0]["temperature"] == 0
    assert stub.bodies[0]["model"] == "m"
    assert stub.headers[0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("fault", "name"),
    [(429, "rate limit"), (500, "server error"), (503, "server error"), ("hang", "timeout"),
     ("cut", "connection"), (408, "timeout"), (409, "server error"), (507, "server error"),
     (524, "server error"), (599, "server error")],
)  # fmt: skip
def test_what_passes_is_repeated_and_counted(stub, fault, name):
    stub.faults = [fault, fault]
    found = endpoint(stub).ask("hello")
    assert (found.text, found.failure, found.retries) == ("fine", None, {name: 2})
    assert len(stub.prompts) == 3


@pytest.mark.parametrize(
    ("fault", "name", "requests"),
    [(429, "rate limit", 3), (502, "server error", 3), ("hang", "timeout", 3),
     ("cut", "connection", 3), (400, "request refused", 1), (413, "request refused", 1),
     (501, "request refused", 1), (505, "request refused", 1), (520, "server error", 3),
     ("not json", "server error", 3)],
)  # fmt: skip
def test_what_stays_is_a_failure_with_a_name(stub, fault, name, requests):
    stub.faults = [fault] * 3
    found = endpoint(stub).ask("hello")
    assert (found.text, found.failure) == (None, name)
    assert found.detail
    assert len(stub.prompts) == requests
    assert sum(found.retries.values()) == requests - 1


def test_the_docs_have_the_waits_between_attempts():
    attempts = endpoint_of("http://host/v1#m", KEY, 1, 1).client.settings.attempts
    *waits, last = (f"{FIRST_WAIT_S * 2**number:g} s" for number in range(attempts - 1))
    said = f"repeated up to {attempts - 1} times, after {', '.join(waits)} and {last}, or as"
    text = Path("docs/judges.md").read_text("utf-8")
    assert f"{said} `Retry-After` says (at most {LONGEST_WAIT_S:g} s)" in text
    repeated, stays = (", ".join(map(str, sorted(each))) for each in (BUSY, FATAL))
    assert f"{repeated}, from 500 on all but {' and '.join(map(str, sorted(NEVER)))} |" in text
    assert f"| {stays}, a redirect" in text


@pytest.mark.parametrize("faults", [2, 3], ids=["answered", "failed"])
def test_the_time_of_a_question_has_its_retries(stub, faults):
    found = endpoint(stub)
    found.client.sleep = lambda seconds: time.sleep(0.2)
    stub.faults = [503] * faults
    answer = found.ask("hello")
    assert (answer.failure is None) == (faults == 2)
    assert answer.seconds >= 0.4  # two waits


@pytest.mark.parametrize(
    ("fault", "failure", "text"),
    [
        ("refuse", "refusal", ""),
        ("null", "bad JSON", ""),
        ("length", "cut off", "fine"),
        ("reasoned on", "cut off", ""),
    ],
)
def test_a_reply_without_an_answer_is_kept_with_a_reason(stub, fault, failure, text):
    stub.faults = [fault]
    found = endpoint(stub).ask("hello")
    assert (found.failure, found.text, found.prompt_tokens) == (failure, text, 100)


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "environment variable HARNESS_JUDGE_KEY, or name another one with --key-variable"),
     (404, "check the URL and the model's name"), (302, "to which the server redirects")],
)  # fmt: skip
def test_what_no_further_request_can_mend_stops(stub, monkeypatch, status, message):
    monkeypatch.setenv(KEY, "secret")
    stub.faults = [status]
    with pytest.raises(UsageError, match=message) as found:
        endpoint(stub).ask("hello")
    assert "secret" not in str(found.value)
    assert len(stub.prompts) == 1


def test_without_a_server_the_first_question_stops():
    with served(Stub()) as gone:
        pass
    with pytest.raises(UsageError, match="check the host and port of --judge"):
        endpoint(gone).ask("hello")


def test_the_key_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not for others")
    monkeypatch.delenv("HARNESS_JUDGE_KEY", raising=False)
    known = endpoint_of("https://host.example/v1/#some/model", "HARNESS_JUDGE_KEY", 1, 1)
    assert (known.name, known.client.key) == ("some/model", "")
    assert known.client.address.url == "https://host.example/v1/chat/completions"
    known = endpoint_of("https://host.example/v1#m", "OPENAI_API_KEY", 1, 1)
    assert known.client.key == "not for others"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://host/v1", "expected URL#MODEL, as in http://localhost:8000"),
        ("ftp://host/v1#m", "expected URL#MODEL"),
        ("http://#m", "expected URL#MODEL"),
        ("http://me:word@host/v1#m", "an environment variable .--key-variable NAME"),
        ("http://host/v1#m", "--key-variable NONE: no such environment variable"),
    ],
)
def test_a_wrong_judge_is_refused(text, message):
    with pytest.raises(UsageError, match=message) as found:
        endpoint_of(text, "NONE", 1, 1)
    assert "word" not in str(found.value).replace("password", "")
