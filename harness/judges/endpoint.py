"""A judge behind any OpenAI-compatible endpoint: POST URL/chat/completions, at temperature 0.

urllib3 repeats what can pass by itself (timeouts, cut connections, 429 with its Retry-After,
errors of the server), waiting longer each time. What remains is a failure with a name.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    SSLError,
    TimeoutError,
)
from urllib3.util.retry import Retry

from harness.errors import UsageError

KEY = "HARNESS_JUDGE_KEY"
"""Environment variable with the endpoint's key; by default the only one that is read."""
MAX_TOKENS = 1024
REPEATED = (408, 425, 429, 500, 502, 503, 504)
NAMES = {408: "timeout", 429: "rate limit"}
REFUSED_KEY = (401, 403)
LONGEST_WAIT_S = 60
CONNECT_S = 10.0


class Spent(TypedDict, total=False):
    """What a request cost; fields of an `Answer`."""

    seconds: float
    retries: Mapping[str, int]
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True)
class Answer:
    """What came back for one prompt: a text, or a failure with its name."""

    text: str | None
    failure: str | None = None
    detail: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    retries: Mapping[str, int] = field(default_factory=dict)


class Endpoint:
    """The model `name` at an endpoint.

    url: up to and including /v1.
    model: as the endpoint calls it.
    key: sent as a bearer token; never recorded.
    timeout: seconds without a byte before a request counts as lost.
    retries: attempts after the first.
    parallel: requests at the same time.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        timeout: float = 120.0,
        retries: int = 4,
        parallel: int = 4,
        backoff: float = 0.5,
    ) -> None:
        self.url, self.name, self.parallel = url, model, parallel
        self._key = key
        self._pool = urllib3.PoolManager(
            maxsize=parallel, timeout=urllib3.Timeout(connect=CONNECT_S, read=timeout)
        )
        self._retry = Retry(
            retries, redirect=False, allowed_methods=None, status_forcelist=REPEATED,
            backoff_factor=backoff, backoff_jitter=backoff / 2, backoff_max=LONGEST_WAIT_S,
            retry_after_max=LONGEST_WAIT_S, raise_on_status=False,
        )  # fmt: skip

    def ask(self, prompt: str) -> Answer:
        """The reply to one prompt. Raises UsageError where no further request can succeed."""
        began = time.monotonic()
        try:
            response = self._pool.request(
                "POST", f"{self.url}/chat/completions", json=self._body(prompt),
                headers=self._headers(), retries=self._retry,
            )  # fmt: skip
        except HTTPError as error:
            return self._lost(error, time.monotonic() - began)
        spent = Spent(seconds=time.monotonic() - began, retries=_retries(response.retries))
        if response.status != 200:
            return self._not_ok(response.status, response.data, spent)
        return _read(response.data, spent)

    def _body(self, prompt: str) -> dict[str, Any]:
        return {
            "model": self.name,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
        }

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _lost(self, error: HTTPError, seconds: float) -> Answer:
        """A request that no attempt could finish."""
        reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
        if isinstance(reason, NewConnectionError | SSLError):
            raise UsageError(
                f"nothing answers at {self.url}: {reason}; expected an OpenAI-compatible endpoint."
                " Start it, then repeat the command: replies that came are kept"
            )
        repeated = {_name_of(reason): self._retry.total} if self._retry.total else {}
        detail = f"{type(reason).__name__}: {reason}"[:200]
        return Answer(None, _name_of(reason), detail, seconds=seconds, retries=repeated)

    def _not_ok(self, status: int, data: bytes, spent: Spent) -> Answer:
        said = data.decode(errors="replace")[:200].strip()
        if self._key:
            said = said.replace(self._key, "***")
        if status in REFUSED_KEY:
            raise UsageError(
                f"{self.url} answered {status}: {said}\n  expected  a key that it accepts, in the"
                f" environment variable {KEY} or the one that --key-variable names"
            )
        if status == 404 or 300 <= status < 400:
            raise UsageError(
                f"{self.url} answered {status}: {said}\n  expected  URL#MODEL with an endpoint up"
                f" to /v1 and a model that it serves, found model {self.name!r}"
            )
        kind = NAMES.get(status, "server error" if status >= 500 else "request refused")
        return Answer(None, kind, f"{status}: {said}", **spent)


def endpoint_of(text: str, key_variable: str, timeout: float, parallel: int) -> Endpoint:
    """The endpoint of `http://HOST/v1#MODEL`. Raises UsageError."""
    url, _, model = text.rpartition("#")
    parts = urlsplit(url)
    if not model or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--judge {text}; expected URL#MODEL, e.g. http://127.0.0.1:8000/v1#model")
    if parts.username or parts.password or parts.query:
        raise UsageError(
            f"--judge: found a password or query in the URL of {parts.hostname}; expected the key"
            f" in the environment variable {key_variable}"
        )
    key = os.environ.get(key_variable)
    if key is None and key_variable != KEY:
        raise UsageError(f"--key-variable {key_variable}: no such environment variable")
    return Endpoint(url.rstrip("/"), model, key, timeout, parallel=parallel)


def _name_of(error: BaseException) -> str:
    return "timeout" if isinstance(error, TimeoutError) else "connection"


def _retries(retry: Retry | None) -> dict[str, int]:
    """Reason → attempts that were repeated before the answer."""
    found = Counter[str]()
    for each in retry.history if retry else ():
        if each.error is not None:
            found[_name_of(each.error)] += 1
        elif each.status is not None:
            found[NAMES.get(each.status, "server error")] += 1
    return dict(found)


def _read(data: bytes, spent: Spent) -> Answer:
    """The first choice's text, and the tokens that it cost."""
    try:
        found = json.loads(data)
        choice = found["choices"][0]
        message, ended = choice["message"], choice.get("finish_reason")
        text, refusal = message.get("content"), message.get("refusal")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        said = data[:120].decode(errors="replace")
        return Answer(None, "server error", f"{type(error).__name__} in {said!r}", **spent)
    usage = found.get("usage")
    spent["prompt_tokens"] = _count(usage, "prompt_tokens")
    spent["completion_tokens"] = _count(usage, "completion_tokens")
    if refusal or ended == "content_filter":
        return Answer(str(text or ""), "refusal", str(refusal or ended)[:200], **spent)
    if not isinstance(text, str):
        return Answer("", "bad JSON", f"no text; finish_reason {ended!r}", **spent)
    if ended == "length":
        detail = f"the reply reached {MAX_TOKENS} tokens"
        return Answer(text, "cut off", detail, **spent)
    return Answer(text, **spent)


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, Mapping) else None
    return value if type(value) is int and value >= 0 else None
