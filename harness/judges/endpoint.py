"""A judge behind any OpenAI-compatible endpoint, asked at temperature 0."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.engine.endpoint.address import address_of
from harness.engine.endpoint.client import Client
from harness.engine.endpoint.failures import Options, RequestFailedError
from harness.engine.endpoint.replies import Reply
from harness.errors import UsageError
from harness.settings import ApiSettings

KEY = "HARNESS_JUDGE_KEY"
"""Environment variable with the endpoint's key; by default the only one that is read."""
MAX_TOKENS = 1024
CUT_OFF = ("cut off", f"the reply reached {MAX_TOKENS} tokens")
"""A failure and its detail."""
OPTIONS = Options(
    model="--judge", key="--key-variable", patience="--timeout", parallel="--parallel",
    shorter="judge shorter texts, or name a model that reads more,",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What came back for one prompt: a text, or a failure with its name.

    seconds: from the question to the reply, with all attempts and the waits between them.
    """

    text: str | None
    failure: str | None = None
    detail: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    retries: Mapping[str, int] = field(default_factory=dict)


class Endpoint:
    """The model `name` at an endpoint. parallel: requests at a time."""

    def __init__(self, client: Client) -> None:
        self.client, self.name = client, client.address.model
        self.address: str | None = client.address.url  # which has no password and no query
        self.parallel = client.settings.concurrent

    def ask(self, prompt: str) -> Answer:
        """The reply to one prompt. Raises UsageError where no further request can succeed."""
        body = {
            "model": self.name,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
        }
        began = time.monotonic()
        try:
            reply = self.client.post(body)
        except RequestFailedError as error:
            return Answer(
                None, error.kind, error.found[:200], seconds=time.monotonic() - began,
                retries=error.retries,
            )  # fmt: skip
        seconds = time.monotonic() - began
        failure, detail = _without_answer(reply)
        return Answer(
            reply.text, failure, detail, reply.prompt_tokens, reply.tokens, seconds, reply.retries,
        )  # fmt: skip


def endpoint_of(text: str, key_variable: str, timeout: float, parallel: int) -> Endpoint:
    """The endpoint of `http://HOST/v1#MODEL`. Raises UsageError."""
    address = address_of(text, "--judge", "--key-variable NAME", prefix="")
    if key_variable != KEY and key_variable not in os.environ:
        raise UsageError(f"--key-variable {key_variable}: no such environment variable")
    settings = ApiSettings(key=key_variable, timeout_s=timeout, concurrent=parallel)
    return Endpoint(Client(address, settings, options=OPTIONS))


def _without_answer(reply: Reply) -> tuple[str | None, str]:
    """Why a reply has no answer to read, and in which words; (None, "") if it may have one."""
    if reply.refusal or reply.stopped == "content_filter":
        return "refusal", (reply.refusal or reply.stopped)[:200]
    if reply.capped:  # within its reasoning if there is no text
        return CUT_OFF
    if not reply.text:
        return "bad JSON", f"no text; finish_reason {reply.stopped!r}"
    return None, ""
