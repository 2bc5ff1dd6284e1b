"""Which fields of a request a server's refusal means."""

import json

import pytest

from harness.engine.endpoint.address import address_of
from harness.engine.endpoint.client import Client
from harness.engine.endpoint.failures import RequestFailedError
from harness.engine.endpoint.refusals import Refusal
from harness.settings import ApiSettings
from tests.support.api_server import chat_reply, refusal, serving

BODY = {"model": "m", "messages": [], "max_tokens": 5, "top_k": -1, "seed": 3}


def said(**error):
    return json.dumps({"error": error}).encode()


SAID = [
    (said(message="Unrecognized request argument supplied: top_k"), {"top_k"}),
    (said(message="Unsupported parameter: 'seed' is not supported with this model"), {"seed"}),
    (said(message="seed is not supported"), {"seed"}),
    (said(message='Unknown name "seed": Cannot find field.'), {"seed"}),
    (said(message="no", param="seed"), {"seed"}),
    (said(message="no", param="body.top_k"), {"top_k"}),
    (b'{"detail": [{"type": "extra_forbidden", "loc": ["body", "top_k"]}]}', {"top_k"}),
    (b"Extra inputs are not permitted: top_k, seed", {"top_k", "seed"}),
    (said(message="Input rejected: 'I sowed the seed too late...'"), set()),
    (said(message="the word 'seed' is not allowed here", param="messages"), set()),
    (said(message="too long"), set()),
    (b"[1, 2]", set()),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "fields"), SAID)
def test_a_field_must_be_named_as_one(answer, fields):
    assert Refusal.of(answer, "").unknown(BODY) == fields
    assert not Refusal.of(answer, "").unknown({"model": "m", "messages": []})


def to(server):
    return Client(address_of(f"openai:{server.url}#m"), ApiSettings(), sleep=lambda seconds: None)


def test_a_refusal_that_repeats_the_prompt_leaves_nothing_out():
    faults = [refusal(400, "Input rejected: 'I sowed the seed too late...'")]
    with serving(lambda body: chat_reply("text"), faults) as server:
        client = to(server)
        with pytest.raises(RequestFailedError, match="Input rejected"):
            client.post(BODY)
        client.post(BODY)
    assert not client.left_out
    assert server.requests == [BODY, BODY]


@pytest.mark.parametrize("message", ["'seed' in the text", "no: 'max_completion_tokens'"])
def test_a_field_without_which_the_request_fails_too_is_sent_again(message):
    faults = [refusal(400, message), refusal(400, message)]
    with serving(lambda body: chat_reply("text"), faults) as server:
        client = to(server)
        with pytest.raises(RequestFailedError, match="HTTP 400"):
            client.post(BODY)
        client.post(BODY)
    assert not client.left_out
    assert not client.renamed
    assert server.requests[1] != BODY
    assert server.requests[2] == BODY
