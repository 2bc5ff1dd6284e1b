"""What a server answers, read strictly: texts, and log-probs of a given text."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

SHOWN = 120
"""Characters of an unreadable answer that are shown."""


class Unreadable(Exception):  # noqa: N818  # never leaves this package
    """An answer that is not what the protocol says."""


class NoLogprobsError(Exception):
    """An answer without the log-probs of the prompt; the message says why."""


@dataclass(frozen=True)
class Reply:
    """An answer with its first choice.

    text: the visible text. reasoning: what the server took out of it.
    capped: whether it reached the cap on tokens.
    stopped: why it ended, in the server's words.
    prompt_tokens, tokens, reasoning_tokens: of the prompt, of the whole answer and of its
        reasoning; None if not counted.
    refusal: the server's words where the model refused; "" if it did not.
    retries: kind of failure → attempts that were repeated before this answer.
    model: the server's name of the model. fingerprint: its `system_fingerprint`.
    seconds: until the answer had arrived.
    choice, whole: the JSON of the choice and of the answer.
    """

    text: str
    reasoning: str
    capped: bool
    stopped: str
    tokens: int | None
    reasoning_tokens: int
    model: str | None
    fingerprint: str | None
    seconds: float
    choice: Mapping[str, Any]
    whole: Mapping[str, Any]
    prompt_tokens: int | None = None
    refusal: str = ""
    retries: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, text: bytes, seconds: float, chat: bool) -> Reply:
        """The reply in an answer's JSON. Raises Unreadable if it is no reply.

        text: the answer's bytes.
        seconds: that it took.
        chat: whether it is of /chat/completions.
        """
        try:
            whole = json.loads(text)
            choice = whole["choices"][0]
            message = choice["message"] if chat else {"content": choice["text"]}
            content, reason = message.get("content"), choice.get("finish_reason")
            reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
            usage = whole.get("usage") or {}
            details = usage.get("completion_tokens_details") or {}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            start = text[:SHOWN].decode(errors="replace")
            raise Unreadable(f"an answer that is no reply with choices: {start!r}") from None
        known = {"text": content or "", "reasoning": reasoning, "finish_reason": reason or ""}
        if wrong := [name for name, value in known.items() if not isinstance(value, str)]:
            raise Unreadable(f"a reply whose {wrong[0]} is no text: {known[wrong[0]]!r:.80}")
        return cls(
            text=storable(content or ""),
            reasoning=storable(reasoning),
            capped=reason == "length",
            stopped=reason or "",
            tokens=_count(usage.get("completion_tokens")),
            reasoning_tokens=_count(details.get("reasoning_tokens")) or 0,
            model=_word(whole.get("model")),
            fingerprint=_word(whole.get("system_fingerprint")),
            seconds=seconds,
            choice=choice,
            whole=whole,
            prompt_tokens=_count(usage.get("prompt_tokens")),
            refusal=storable(str(message.get("refusal") or "")),
        )


def echoed_logprobs(reply: Reply, prompt: Sequence[int], response: Sequence[int]) -> list[float]:
    """Log-probs of the response tokens, from a completion that echoes its prompt.

    reply: to a request with `echo` and `logprobs`, whose prompt is both parts.
    prompt, response: token ids.

    Raises NoLogprobsError if there are none, or not one for each token.
    """
    found = (reply.choice.get("logprobs") or {}).get("token_logprobs")
    given = len(prompt) + len(response)
    if not isinstance(found, list) or not given <= len(found) <= given + 1:
        count = f"{len(found)} log-probs" if isinstance(found, list) else "no log-probs"
        raise NoLogprobsError(f"{count} for {given} tokens of prompt and reference")
    return _numbers(found[len(prompt) : given])


def prompt_logprobs(reply: Reply, prompt: Sequence[int], response: Sequence[int]) -> list[float]:
    """Log-probs of the response tokens, from vLLM's `prompt_logprobs`; otherwise as above.

    Raises NoLogprobsError also if the server's tokens are not these: its template differs.
    """
    found = reply.whole.get("prompt_logprobs") or reply.choice.get("prompt_logprobs")
    ids = [*prompt, *response]
    if not isinstance(found, list):
        raise NoLogprobsError("no prompt_logprobs")
    if len(found) != len(ids):
        raise NoLogprobsError(f"{len(found)} tokens of prompt and reference, {len(ids)} here")
    values = []
    for at, (token, options) in enumerate(zip(ids, found, strict=True)):
        if at == 0:  # nothing precedes the first token
            continue
        entry = options.get(str(token)) if isinstance(options, dict) else None
        if not isinstance(entry, dict):
            raise NoLogprobsError(f"another token than {token} at position {at}")
        values.append(entry.get("logprob"))
    return _numbers(values[len(values) - len(response) :])


def _numbers(values: Sequence[object]) -> list[float]:
    numbers = [each for each in values if isinstance(each, int | float) and isfinite(each)]
    if len(numbers) < len(values):
        raise NoLogprobsError("log-probs that are no numbers")
    return [float(each) for each in numbers]


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _word(value: object) -> str | None:
    return value[:200] if isinstance(value, str) and value else None


def storable(text: str) -> str:
    """The text without halves of surrogate pairs, which no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the header Retry-After asks to wait, given as a number or as a date."""
    value = (headers.get("Retry-After") or "").strip() if headers else ""
    with suppress(ValueError):
        return max(0.0, float(value))
    with suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None
