"""What a failed request to a server is, and what the user can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.errors import HarnessError

Failure = Literal["timeout", "rate limit", "connection", "server error", "request refused"]
"""Why a request failed."""


@dataclass(frozen=True)
class Options:
    """The options of the command line that messages name.

    model: gives the address. key: names the variable with the key. patience: times and attempts.
    parallel: requests at a time. shorter: what to do if the text is too long for the model.
    """

    model: str = "--backbone"
    key: str = "--set api.key=NAME"
    patience: str = "--set api.timeout_s or api.attempts"
    parallel: str = "--set api.concurrent"
    shorter: str = "lower budget.profile or decode.max_new_tokens"

    def cure(self, status: int) -> str:
        """What to do about a status."""
        if 300 <= status < 400:
            return "name the URL to which the server redirects; a key is not sent to another one"
        cures = {
            401: f"put the server's key into the environment variable {{key}}, or name another one"
            f" with {self.key}",
            402: "the account behind the key in {key} has no credit",
            403: "the key in the environment variable {key} may not use this model",
            404: "check the URL and the model's name; GET {server}/v1/models usually lists the"
            " names",
            405: "name a URL that ends in /v1, /chat/completions or /completions",
            429: f"wait, or lower {self.parallel}; then repeat the command: what came is kept",
        }
        return cures.get(status, f"{self.shorter} if the text is too long for the model")

    @property
    def no_reply(self) -> str:
        """What to do if no reply came."""
        return (
            f"look at the server's log; raise {self.patience}, or lower {self.parallel}; then"
            " repeat the command: what came is kept"
        )

    @property
    def no_server(self) -> str:
        """What to do if there is no server."""
        return (
            f"start the server, or check the host and port of {self.model};"
            " `curl {server}/v1/models` shows whether it answers"
        )


class RequestFailedError(HarnessError):
    """One request failed for good; others may succeed.

    found: the finding alone, without address and remedy.
    kind: of the failure.
    status: of the answer that refused it; None if no readable answer came in all attempts.
    retries: kind → attempts that were repeated.
    """

    def __init__(
        self,
        message: str,
        found: str = "",
        kind: Failure = "connection",
        status: int | None = None,
        retries: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.found, self.kind, self.status = found, kind, status
        self.retries = dict(retries or {})


class StoppedError(RequestFailedError):
    """A request that was not sent, or not sent again, because the client is closed."""
