"""Read a judge's reply: one JSON object, checked; anything else is a failure with a name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.data.checks import fold
from harness.engine.endpoint.replies import storable
from harness.engine.reasoning_blocks import Span, blocks, outside
from harness.judges.prompts import Question
from harness.record.judged import ASPECTS, CRITERIA, Ask, Shown

REASONING = ("think",)
"""Tags of the blocks in which a judge thinks."""
REFUSED = re.compile(
    r"\s*(?:I(?:['’]m| am) (?:sorry|unable|not able)|I (?:cannot|can['’]t|won['’]t)|Sorry)"
    r"|\s*As an AI",
    re.IGNORECASE,
)
SHOWN: Mapping[str, Shown] = {"1": "first", "2": "second", "tie": "tie"}
SCORES = range(1, 6)
DETAIL = 200


class ReplyError(Exception):
    """A reply without a usable verdict. kind: as in `JudgeReply.failure`."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail[:DETAIL]


def read_reply(ask: Ask, reply: str, question: Question) -> dict[str, Any]:
    """The fields of a `JudgeReply` that a raw reply gives. Raises ReplyError."""
    found = json_object(reply)
    if ask == "aspects":
        scores = {name: _score(name, _part(found, name)) for name in ASPECTS}
        evidence = {name: _evidence(found[name]) for name in ASPECTS}
        texts = dict.fromkeys(ASPECTS, question.texts[0])
        verdict: dict[str, Any] = {"scores": scores}
    else:
        better = {name: _better(name, _part(found, name)) for name in CRITERIA}
        evidence = {name: _evidence(found[name]) for name in CRITERIA}
        first, second = question.texts
        texts = {
            name: {"first": first, "second": second, "tie": f"{first}\n{second}"}[better[name]]
            for name in CRITERIA
        }
        verdict = {"better": better}
    absent = tuple(name for name, quote in evidence.items() if not _is_in(quote, texts[name]))
    return {**verdict, "evidence": evidence, "not_in_text": absent}


def json_object(reply: str) -> dict[str, Any]:
    """The first JSON object in a reply, outside any reasoning. Raises ReplyError.

    Reasoning may begin before the reply, where the template opens its block. A tag that an object
    quotes is no tag.
    """
    objects = _objects(reply)
    unquoted = list(reply)
    for (start, end), _ in objects:
        unquoted[start:end] = " " * (end - start)
    spans, _ = blocks("".join(unquoted), REASONING)
    for (start, _), found in objects:
        if not any(first <= start < until for first, until in spans):
            return found
    text = "".join(reply[start:until] for start, until in outside(spans, len(reply))).strip()
    if REFUSED.match(text):
        raise ReplyError("refusal", text)
    raise ReplyError("bad JSON", text or "an empty reply")


def _objects(reply: str) -> list[tuple[Span, dict[str, Any]]]:
    """Every JSON object in a reply that lies in no other one, and where it is."""
    decoder, objects, after = json.JSONDecoder(), list[tuple[Span, dict[str, Any]]](), 0
    for start in (match.start() for match in re.finditer(r"\{", reply)):
        if start < after:
            continue
        try:
            found, after = decoder.raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        objects.append(((start, after), found))
    return objects


def _part(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = found.get(name)
    if not isinstance(part, Mapping):
        raise ReplyError("missing aspect", f"{name}: found {part!r}")
    return part


def _score(name: str, part: Mapping[str, Any]) -> int:
    found = part.get("score")
    score = _whole(found)
    if score is None or score not in SCORES:
        raise ReplyError("out of range", f"{name}: found {found!r}; expected 1 to 5")
    return score


def _better(name: str, part: Mapping[str, Any]) -> Shown:
    found = part.get("better")
    better = found.strip().lower().removeprefix("text") if isinstance(found, str) else found
    number = _whole(better)
    verdict = SHOWN.get(str(better) if number is None else str(number))
    if verdict is None:
        raise ReplyError("out of range", f"{name}: found {found!r}; expected 1, 2 or tie")
    return verdict


def _whole(value: object) -> int | None:
    """A whole number, also as text or with a point (`4`, `"4"`, `4.0`); None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() else None


def _evidence(part: Mapping[str, Any]) -> str:
    return storable(str(part.get("evidence") or ""))


def _is_in(quote: str, text: str) -> bool:
    """Whether a quote stands in a text, apart from case, spaces and the marks around it."""
    quoted, words = _words(quote), _words(text)
    return bool(quoted) and f" {' '.join(quoted)} " in f" {' '.join(words)} "


def _words(text: str) -> list[str]:
    """Runs of digits and of letters that have a case; any other letter is a word of its own.

    Scripts without case may have no spaces (Chinese, Thai) or attach particles to a word (Korean,
    Hebrew), so that a quote can begin and end within a run. A letter keeps the marks after it.
    """
    import regex

    found: list[str] = regex.findall(r"[\p{Lu}\p{Ll}\p{Lt}\p{N}\p{M}]+|\p{L}\p{M}*", fold(text))
    return found
