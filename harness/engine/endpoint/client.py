"""Requests to a server, repeated while they may still succeed; errors that say what to do."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Event
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    SSLError,
    TimeoutError,
)

from harness import __version__
from harness.engine.endpoint.address import Address
from harness.engine.endpoint.failures import Failure, Options, RequestFailedError, StoppedError
from harness.engine.endpoint.refusals import SHOWN, Refusal
from harness.engine.endpoint.replies import Reply, Unreadable, retry_after
from harness.errors import UsageError
from harness.settings import ApiSettings

BUSY = frozenset({408, 409, 425, 429})
"""Statuses after which the same request may succeed, as after any from 500 on, but for `NEVER`."""
NEVER = frozenset({501, 505})
KINDS: Mapping[int, Failure] = {408: "timeout", 429: "rate limit"}
"""Names of some of them."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
MOST_BYTES, PIECE_BYTES = 256 * 2**20, 2**16
"""Bytes of the longest answer that is read, and of it at a time."""
CONNECT_S = 10.0
"""Seconds in which a server must take a connection."""
FATAL = frozenset({401, 402, 403, 404, 405})
"""Statuses that every further request would have too."""
UNREACHABLE = (ConnectTimeoutError, NewConnectionError, SSLError)
"""Errors of a server that is not there."""


@dataclass(frozen=True)
class _Passing(Exception):  # noqa: N818  # never leaves this module
    """A failure that may pass.

    what: the finding. kind: of the failure. after: seconds that the server asks to wait.
    unreachable: whether no server was there.
    """

    what: str
    kind: Failure
    after: float | None = None
    unreachable: bool = False


@dataclass
class Client:
    """Sends requests to a model's server. Threads may share it.

    address: of the model.
    settings: times, attempts, and the variable with the key.
    options: of the command line, for messages.
    repeated: requests that were sent again so far.
    left_out: fields that the server refused.
    renamed: whether the cap is sent as `max_completion_tokens`.
    reached: whether the server has answered yet.
    sleep: waits between attempts; by default until the client is closed at most.
    """

    address: Address
    settings: ApiSettings
    sleep: Callable[[float], object] | None = None
    options: Options = field(default_factory=Options)
    repeated: int = 0
    left_out: set[str] = field(default_factory=set)
    renamed: bool = False
    reached: bool = False
    _closed: Event = field(default_factory=Event, init=False, repr=False)

    def close(self) -> None:
        """Send nothing more until `reopen`; what is under way ends, waits between attempts too."""
        self._closed.set()

    def reopen(self) -> None:
        """Send again."""
        self._closed.clear()

    @property
    def key(self) -> str:
        """The server's key; "" without one, as local servers want it."""
        return os.environ.get(self.settings.key, "").strip()

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        """Connections to the server, through the environment's proxy if it names one."""
        parts, size = urlsplit(self.address.url), self.settings.concurrent
        proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
        if proxy is None:
            return urllib3.PoolManager(maxsize=size)
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        headers = urllib3.make_headers(proxy_basic_auth=urllib3.util.parse_url(proxy).auth)
        return urllib3.ProxyManager(proxy, maxsize=size, proxy_headers=headers)

    def post(self, body: Mapping[str, Any]) -> Reply:
        """The reply to a request.

        Raises UsageError where every request would fail: no key, no such model, no server.
        Raises RequestFailedError where this one failed: refused, or no reply in all attempts;
        StoppedError where the client was closed before there was one.
        """
        retries, most = Counter[str](), self.settings.attempts
        for attempt in range(1, most + 1):
            if self._closed.is_set():
                stopped = "the run has stopped"
                raise StoppedError(self._message(stopped, self.options.no_reply), stopped)
            try:
                return replace(self._adapted(body, retries), retries=dict(retries))
            except _Passing as failure:
                if failure.unreachable and not self.reached:
                    raise UsageError(self._message(failure.what, self.options.no_server)) from None
                wait = FIRST_WAIT_S * 2 ** (attempt - 1) if failure.after is None else failure.after
                if attempt == most or wait > LONGEST_WAIT_S:
                    tried = f"{failure.what}, in attempt {attempt} of {most}"
                    if wait > LONGEST_WAIT_S:
                        tried += f"; it asks to wait {wait:.0f} s"
                    limited = failure.kind == "rate limit"
                    cure = self.options.cure(429) if limited else self.options.no_reply
                    message = self._message(tried, cure)
                    raise RequestFailedError(
                        message, tried, failure.kind, retries=retries
                    ) from None
                self.repeated += 1
                retries[failure.kind] += 1
                (self.sleep or self._closed.wait)(wait)
        raise AssertionError("unreachable: attempts is at least 1")

    def _adapted(self, body: Mapping[str, Any], retries: Mapping[str, int]) -> Reply:
        """The reply, after leaving out the fields that the server does not know.

        retries: of this request so far, for the error.

        What is left out stays so if the request then succeeds.
        """
        left_out, renamed = set(self.left_out), self.renamed
        while True:
            sent = {key: value for key, value in body.items() if key not in left_out}
            if renamed:
                sent["max_completion_tokens"] = sent.pop("max_tokens")
            answer, text, seconds = self._once(sent)
            status = answer.status
            if status == 200:
                try:
                    reply = Reply.of(text, seconds, self.address.chat)
                except Unreadable as error:
                    raise _Passing(str(error), "server error") from None
                self.left_out |= left_out
                self.renamed |= renamed
                return reply
            refusal = Refusal.of(text, self.key)
            if status in (400, 422):
                if refusal.wants_another_cap(sent):
                    renamed = True
                    continue
                if unknown := refusal.unknown(sent):
                    left_out |= unknown
                    continue
            found = f"HTTP {status}{refusal.shown}"
            if status in BUSY or (status >= 500 and status not in NEVER):
                kind = KINDS.get(status, "server error")
                raise _Passing(found, kind, retry_after(answer.headers))
            message = self._message(found, self.options.cure(status))
            if 300 <= status < 400 or status in FATAL:
                raise UsageError(message)
            raise RequestFailedError(message, found, "request refused", status, retries)

    def _once(self, sent: Mapping[str, Any]) -> tuple[urllib3.BaseHTTPResponse, bytes, float]:
        """An answer, its text and the seconds that it took. Raises _Passing for no answer."""
        headers = {
            "Content-Type": "application/json", "Accept": "application/json",
            "User-Agent": f"flythinker-harness/{__version__}",
        }  # fmt: skip
        if key := self.key:
            headers["Authorization"] = f"Bearer {key}"
        longest = self.settings.timeout_s
        begin = time.perf_counter()
        try:
            answer = self._pool.request(
                "POST", self.address.url, body=json.dumps(sent, ensure_ascii=False).encode(),
                headers=headers, timeout=urllib3.Timeout(longest, connect=min(CONNECT_S, longest)),
                retries=False, redirect=False, preload_content=False,
            )  # fmt: skip
            try:
                text = _body(answer, begin + longest)
            finally:
                answer.close()
        except (HTTPError, OSError) as error:
            raise self._no_answer(error) from None
        self.reached = True
        return answer, text, time.perf_counter() - begin

    def _no_answer(self, error: Exception) -> _Passing:
        unreachable = isinstance(error, UNREACHABLE)
        if isinstance(error, TimeoutError) and not unreachable:
            self.reached = True
            what = f"no answer within {self.settings.timeout_s:g} s ({self.options.patience})"
            return _Passing(what, "timeout")
        reason = error.__cause__ or error
        what = f"{type(reason).__name__}: {reason}" if str(reason) else type(reason).__name__
        return _Passing(f"no answer: {what[:SHOWN]}", "connection", unreachable=unreachable)

    def _message(self, found: str, cure: str) -> str:
        cure = cure.format(key=self.settings.key, server=self.address.server)
        return f"{self.address}\n  found     {found}\n  mend      {cure}"


def _body(answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """The bytes of an answer. Raises TimeoutError if they are not complete by `deadline`.

    A connection's own timeout begins again with every byte, also with spaces that some servers send
    to keep it open.
    """
    body = bytearray()
    while (left := deadline - time.perf_counter()) > 0:
        if sock := getattr(answer.connection, "sock", None):  # none where the server closes it
            sock.settimeout(left)
        piece = answer.read1(min(PIECE_BYTES, MOST_BYTES - len(body)))
        if not piece:
            return bytes(body)
        body += piece
    raise TimeoutError
