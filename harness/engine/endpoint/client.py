"""Requests to a server, repeated while they may still succeed; errors that say what to do."""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from harness import __version__
from harness.engine.endpoint.address import Address
from harness.engine.endpoint.replies import Reply, Unreadable
from harness.errors import HarnessError, UsageError
from harness.settings import ApiSettings

BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same request may succeed."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
MOST_BYTES = 256 * 2**20
"""Bytes of the longest answer that is read."""
SHOWN = 300
"""Characters of a server's message that are shown."""
EXTRAS = ("top_k", "repetition_penalty", "seed", "chat_template_kwargs")
"""Fields that not every server knows. One that a server refuses is left out from then on."""
ENDS = {
    400: "lower budget.profile or decode.max_new_tokens if the text is too long for the model",
    401: "put the server's key into the environment variable {key} (another name: --set api.key=…)",
    402: "the account behind the key in {key} has no credit",
    403: "the key in the environment variable {key} may not use this model",
    404: "check the URL and the model's name; GET {server}/v1/models usually lists the names",
    405: "name a URL that ends in /v1, /chat/completions or /completions",
    413: "lower budget.profile",
    429: "wait, or lower --set api.concurrent; then repeat the command: finished texts are kept",
}
"""Status → what to do."""
FATAL = frozenset({401, 402, 403, 404, 405})
"""Statuses that every further request would have too."""
UNREACHABLE = (ConnectionRefusedError, socket.gaierror, ssl.SSLError)
"""Errors of a server that is not there."""


class RequestFailedError(HarnessError):
    """One request failed for good; others may succeed.

    status: of the answer that refused it; None if no readable answer came in all attempts.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Passing(Exception):  # noqa: N818  # never leaves this module
    """A failure that may pass. after: seconds that the server asks to wait."""

    what: str
    after: float | None = None
    refused: bool = False


@dataclass
class Client:
    """Sends requests to a model's server. Threads may share it.

    address: of the model.
    settings: times, attempts, and the variable with the key.
    repeated: requests that were sent again so far.
    left_out: fields that the server refused.
    renamed: whether the cap is sent as `max_completion_tokens`.
    reached: whether the server has answered yet.
    closed: whether nothing more is to be sent, although threads may still wait for a next attempt.
    """

    address: Address
    settings: ApiSettings
    sleep: Callable[[float], None] = time.sleep
    repeated: int = 0
    left_out: set[str] = field(default_factory=set)
    renamed: bool = False
    reached: bool = False
    closed: bool = False

    @property
    def key(self) -> str:
        """The server's key; "" without one, as local servers want it."""
        return os.environ.get(self.settings.key, "").strip()

    def post(self, body: Mapping[str, Any]) -> Reply:
        """The reply to a request.

        Raises UsageError where every request would fail: no key, no such model, no server.
        Raises RequestFailedError where this one failed: refused, or no reply in all attempts.
        """
        for attempt in range(1, self.settings.attempts + 1):
            if self.closed:
                raise RequestFailedError(self._message("the run has stopped", NO_REPLY))
            try:
                return self._adapted(body)
            except _Passing as failure:
                if failure.refused and not self.reached:
                    raise UsageError(self._message(failure.what, NO_SERVER)) from None
                wait = FIRST_WAIT_S * 2 ** (attempt - 1) if failure.after is None else failure.after
                if attempt == self.settings.attempts or wait > LONGEST_WAIT_S:
                    tried = f"{failure.what}, in attempt {attempt} of {self.settings.attempts}"
                    if wait > LONGEST_WAIT_S:
                        tried += f"; it asks to wait {wait:.0f} s"
                    cure = ENDS[429] if "429" in failure.what else NO_REPLY
                    raise RequestFailedError(self._message(tried, cure)) from None
                self.repeated += 1
                self.sleep(wait)
        raise AssertionError("unreachable: attempts is at least 1")

    def _adapted(self, body: Mapping[str, Any]) -> Reply:
        """The reply, after leaving out the fields that the server does not know."""
        while True:
            sent = {key: value for key, value in body.items() if key not in self.left_out}
            if self.renamed:
                sent["max_completion_tokens"] = sent.pop("max_tokens")
            try:
                return self._once(sent)
            except HTTPError as error:
                status, said = error.code, self._said(error)
                if status in (400, 422) and self._adapt(sent, said):
                    continue
                if status in BUSY:
                    raise _Passing(f"HTTP {status}{said}", _retry_after(error.headers)) from None
                moved = 300 <= status < 400
                cure = MOVED if moved else ENDS.get(status, ENDS[400])
                message = self._message(f"HTTP {status}{said}", cure)
                if moved or status in FATAL:
                    raise UsageError(message) from None
                raise RequestFailedError(message, status) from None

    def _adapt(self, sent: Mapping[str, Any], said: str) -> bool:
        """Whether a refusal names a field that can be left out or renamed; it then is."""
        if "max_completion_tokens" in said and "max_tokens" in sent:
            self.renamed = True
            return True
        named = {name for name in EXTRAS if name in sent and name in said}
        self.left_out |= named
        return bool(named)

    def _once(self, sent: Mapping[str, Any]) -> Reply:
        """Send a request once. Raises HTTPError for a status, _Passing for no readable answer."""
        headers = {
            "Content-Type": "application/json", "Accept": "application/json",
            "User-Agent": f"flythinker-harness/{__version__}",
        }  # fmt: skip
        if key := self.key:
            headers["Authorization"] = f"Bearer {key}"
        data = json.dumps(sent, ensure_ascii=False).encode()
        request = Request(self.address.url, data, headers, method="POST")
        begin = time.perf_counter()
        try:
            with opener().open(request, timeout=self.settings.timeout_s) as answer:
                text = answer.read(MOST_BYTES)
        except HTTPError:
            self.reached = True
            raise
        except (URLError, HTTPException, OSError) as error:
            raise self._no_answer(error) from None
        self.reached = True
        try:
            return Reply.of(text, time.perf_counter() - begin, self.address.chat)
        except Unreadable as error:
            raise _Passing(str(error)) from None

    def _no_answer(self, error: Exception) -> _Passing:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, TimeoutError):
            self.reached = True
            return _Passing(f"no answer within {self.settings.timeout_s:g} s (api.timeout_s)")
        what = f"{type(reason).__name__}: {reason}" if str(reason) else type(reason).__name__
        return _Passing(f"no answer: {what[:SHOWN]}", refused=isinstance(reason, UNREACHABLE))

    def _said(self, error: HTTPError) -> str:
        """The server's message, with a colon before it, and without the key."""
        text = ""
        with suppress(HTTPException, OSError):
            text = error.read(100_000).decode(errors="replace")
        with suppress(ValueError, AttributeError):
            found = json.loads(text)
            inner = found.get("error", found)
            text = str(inner.get("message", inner) if isinstance(inner, dict) else inner)
        if self.key:
            text = text.replace(self.key, "***")
        text = " ".join(text.split())
        return f": {text[:SHOWN]}" if text else ""

    def _message(self, found: str, cure: str) -> str:
        cure = cure.format(key=self.settings.key, server=self.address.server)
        return f"{self.address}\n  found     {found}\n  mend      {cure}"


NO_SERVER = (
    "start the server, or check the host and port of --backbone; `curl {server}/v1/models` shows"
    " whether it answers"
)
NO_REPLY = (
    "look at the server's log; raise --set api.timeout_s or api.attempts, or lower"
    " api.concurrent; then repeat the command: finished texts are kept"
)
MOVED = "name the URL to which the server redirects; a key is not sent to another one"


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would send texts and key to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


def opener() -> OpenerDirector:
    """Opens URLs without following redirects; proxies as in the environment."""
    return build_opener(_NoRedirects)


def _retry_after(headers: Any) -> float | None:
    """Seconds that the header Retry-After asks to wait, given as a number or as a date."""
    value = (headers.get("Retry-After") or "").strip() if headers else ""
    with suppress(ValueError):
        return max(0.0, float(value))
    with suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None
