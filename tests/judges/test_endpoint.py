"""An endpoint that misbehaves: what passes by itself is repeated, the rest has a name."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.judges.endpoint import Endpoint, endpoint_of
from tests.support.judge_stub import Stub, served


@pytest.fixture
def stub():
    with served(Stub(lambda prompt: "fine")) as found:
        yield found


def endpoint(stub, retries=2, timeout=0.3, **options):
    return Endpoint(stub.url, "m", timeout=timeout, retries=retries, backoff=0.01, **options)


def test_a_reply_has_its_cost_and_is_asked_for_at_temperature_0(stub):
    found = endpoint(stub, key="secret").ask("hello")
    assert (found.text, found.failure) == ("fine", None)
    assert (found.prompt_tokens, found.completion_tokens, found.retries) == (100, 10, {})
    assert stub.bodies[0]["temperature"] == 0
    assert stub.bodies[0]["model"] == "m"
    assert stub.headers[0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("fault", "name"),
    [(429, "rate limit"), (500, "server error"), (503, "server error"), ("hang", "timeout"),
     ("cut", "connection"), (408, "timeout")],
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
     ("not json", "server error", 1)],
)  # fmt: skip
def test_what_stays_is_a_failure_with_a_name(stub, fault, name, requests):
    stub.faults = [fault] * 3
    found = endpoint(stub).ask("hello")
    assert (found.text, found.failure) == (None, name)
    assert found.detail
    assert len(stub.prompts) == requests
    assert sum(found.retries.values()) == requests - 1


def test_retry_after_is_obeyed_and_bounded(stub):
    stub.faults, stub.retry_after = [429], "1"
    endpoint(stub).ask("hello")
    assert stub.times[1] - stub.times[0] >= 1
    assert endpoint(stub)._retry.retry_after_max == 60


@pytest.mark.parametrize(
    ("fault", "failure", "text"),
    [("refuse", "refusal", ""), ("null", "bad JSON", ""), ("length", "cut off", "fine")],
)
def test_a_reply_without_an_answer_is_kept_with_a_reason(stub, fault, failure, text):
    stub.faults = [fault]
    found = endpoint(stub).ask("hello")
    assert (found.failure, found.text, found.prompt_tokens) == (failure, text, 100)


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "expected  a key that it accepts, in the\n? ?environment variable HARNESS_JUDGE_KEY"),
     (404, "a model that it serves, found model 'm'"), (302, "expected  URL#MODEL")],
)  # fmt: skip
def test_what_no_further_request_can_mend_stops(stub, status, message):
    stub.faults = [status]
    with pytest.raises(UsageError, match=message) as found:
        endpoint(stub, key="secret").ask("hello")
    assert "secret" not in str(found.value)
    assert len(stub.prompts) == 1


def test_nobody_there_stops():
    with served(Stub()) as gone:
        pass
    with pytest.raises(UsageError, match=r"nothing answers at http://127.* replies that came are"):
        endpoint(gone, retries=1).ask("hello")


def test_the_key_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not for others")
    monkeypatch.delenv("HARNESS_JUDGE_KEY", raising=False)
    known = endpoint_of("https://host.example/v1/#some/model", "HARNESS_JUDGE_KEY", 1, 1)
    assert (known.url, known.name, known._key) == ("https://host.example/v1", "some/model", None)
    known = endpoint_of("https://host.example/v1#m", "OPENAI_API_KEY", 1, 1)
    assert known._key == "not for others"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://host/v1", "expected URL#MODEL, e.g. http://127.0.0.1:8000/v1#model"),
        ("ftp://host/v1#m", "expected URL#MODEL"),
        ("http://#m", "expected URL#MODEL"),
        ("http://me:word@host/v1#m", "expected the key in the environment variable NONE"),
        ("http://host/v1#m", "--key-variable NONE: no such environment variable"),
    ],
)
def test_a_wrong_judge_is_refused(text, message):
    with pytest.raises(UsageError, match=message) as found:
        endpoint_of(text, "NONE", 1, 1)
    assert "word" not in str(found.value).replace("password", "")
