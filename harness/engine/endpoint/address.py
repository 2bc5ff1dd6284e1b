"""The name `openai:URL#MODEL` of a model behind an API."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import UsageError
from harness.settings import API

CHAT, COMPLETIONS = "/chat/completions", "/completions"
EXAMPLE = "http://localhost:8000/v1#Qwen/Qwen2.5-3B-Instruct"


@dataclass(frozen=True)
class Address:
    """Where requests for a model go.

    url: of the requests, e.g. http://localhost:8000/v1/chat/completions.
    model: the name by which the server knows the model.
    chat: whether the server applies the chat template, to one user turn; otherwise prompts are
        sent as they are.
    """

    url: str
    model: str
    chat: bool

    def __str__(self) -> str:
        return f"{self.url}, model {self.model}"

    @property
    def server(self) -> str:
        """Scheme, host and port."""
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.url))


def address_of(
    name: str, what: str = "backbone", key: str = "--set api.key=NAME", prefix: str = API
) -> Address:
    """The address in a model's name.

    name: `openai:URL#MODEL`; with another `prefix`, that instead of `openai:`.
    what: the option or setting that gives it, and key: the one that names the key; for messages.

    A URL that ends in /completions takes prompts as they are; any other one is a base, to which
    /chat/completions is added unless it is there. Raises UsageError for a name without URL or
    model, and for a URL with a password or a query, because names are stored in records.
    """
    url, _, model = name.removeprefix(prefix).partition("#")
    url = url.rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or not model:
        raise UsageError(
            f"{what} {name!r}: no address of a model behind an API; expected {prefix}URL#MODEL, as"
            f" in {prefix}{EXAMPLE}"
        )
    if parts.username or parts.password or parts.query:
        raise UsageError(
            f"{what} {prefix}{parts.scheme}://{host}…: a URL with a user, a password or a query;"
            " expected none, because records hold it. The key goes into an environment variable"
            f" ({key})"
        )
    if url.endswith(CHAT):
        return Address(url, model, chat=True)
    if url.endswith(COMPLETIONS):
        return Address(url, model, chat=False)
    return Address(url + CHAT, model, chat=True)
