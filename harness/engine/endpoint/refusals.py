"""What a server says when it refuses a request, and which fields of the request it means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

SHOWN, MOST_SAID = 300, 100_000
"""Characters of a server's message that are shown, and bytes of one that are read."""
EXTRAS = ("top_k", "repetition_penalty", "seed", "chat_template_kwargs")
"""Fields that not every server knows. One that a server refuses is left out."""
UNKNOWN = (
    r"(?:un(?:supported|known|recogni[sz]ed|expected)|not (?:supported|permitted|allowed|known)"
    r"|does not support|extra (?:inputs?|fields?|arguments?|parameters?|keys?))"
)
"""What messages say of a field that the server does not know."""
NEAR = r"[^.;\n]{0,50}"


@dataclass(frozen=True)
class Refusal:
    """A server's error. message: its words. param: the field that it names apart from them."""

    message: str
    param: str | None = None

    @classmethod
    def of(cls, answer: bytes, key: str) -> Refusal:
        """The error in an answer, on one line and without the key."""
        text, param = answer[:MOST_SAID].decode(errors="replace"), None
        with suppress(ValueError, AttributeError):
            found = json.loads(text)
            inner = found.get("error", found)
            text = str(inner.get("message", inner) if isinstance(inner, dict) else inner)
            param = inner.get("param") if isinstance(inner, dict) else None
        if key:
            text = text.replace(key, "***")
        return cls(" ".join(text.split()), param if isinstance(param, str) else None)

    @property
    def shown(self) -> str:
        """The start of the message, with a colon before it."""
        return f": {self.message[:SHOWN]}" if self.message else ""

    def unknown(self, sent: Mapping[str, Any]) -> set[str]:
        """The optional fields of a request that the server does not know.

        `param` decides where it is a field of the request. Else the message must name the field as
        one: in quotes, or beside words such as "unsupported". A prompt that the message repeats may
        have the word, too.
        """
        named = (self.param or "").rpartition(".")[2]
        if named in sent:
            return {named} & set(EXTRAS)
        return {name for name in EXTRAS if name in sent and self._names(name)}

    def wants_another_cap(self, sent: Mapping[str, Any]) -> bool:
        """Whether the server takes the cap on tokens as `max_completion_tokens` only."""
        return "max_tokens" in sent and "max_completion_tokens" in self.message

    def _names(self, field: str) -> bool:
        ways = (
            rf"['\"`‘“]{field}['\"`’”]",
            rf"{UNKNOWN}{NEAR}\b{field}\b",
            rf"\b{field}\b{NEAR}{UNKNOWN}",
        )
        return any(re.search(way, self.message, re.IGNORECASE) for way in ways)
