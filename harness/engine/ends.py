"""Where a text ends: every id and string at which decoding stops, and the end that is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.engine.template import after_answer, template_source
from harness.errors import UsageError

TEMPLATE, TOKENIZER, STOP = "chat template", "tokenizer", "decode.stop"


@dataclass(frozen=True)
class Ends:
    """The ends of a text. Any of them stops decoding; one is trained.

    trained: the tokens after a training target: what the template writes after an answer, or the
    tokenizer's end; several where the template's end is no token of its own. ids: single tokens.
    strings: ends that a text may spell in several tokens. origins: end → the places that name it.
    """

    trained: tuple[int, ...]
    ids: frozenset[int]
    strings: tuple[str, ...] = ()
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def described(self, tokenizer: Any) -> dict[str, Any]:
        """What a record says: the trained end, and every end with the places that name it."""
        return {
            "trained": {"ids": list(self.trained), "text": tokenizer.decode(list(self.trained))},
            "ids": sorted(self.ids),
            "strings": list(self.strings),
            "named_by": {end: list(places) for end, places in self.origins.items()},
        }


def ends_of(
    tokenizer: Any,
    declared: Mapping[str, Sequence[int]] | None = None,
    stop: Sequence[int | str] = (),
) -> Ends:
    """The ends of a backbone's texts.

    declared: ids of end tokens by the file that names them (`declared_ends`). stop: further ids
    and strings. The trained end is the template's, else the tokenizer's, else the first declared,
    else the first of `stop`. Raises UsageError where there is none at all.
    """
    found: list[tuple[str, int | str]] = [
        *((TEMPLATE, end) for end in template_ends(tokenizer)),
        *([(TOKENIZER, tokenizer.eos_token_id)] if tokenizer.eos_token_id is not None else []),
        *((place, end) for place, ends in (declared or {}).items() for end in ends),
        *((STOP, _known(tokenizer, each)) for each in stop),
    ]
    if not found:
        raise UsageError(
            f"tokenizer {tokenizer.name_or_path!r} has no end token; expected eos_token in its"
            " tokenizer_config.json, eos_token_id in generation_config.json, a chat template that"
            " ends a turn, or --set decode.stop='[ID]'"
        )
    origins: dict[str, list[str]] = {}
    for place, end in found:
        name = end if isinstance(end, str) else f"{end} {tokenizer.decode([end])}".rstrip()
        if place not in origins.setdefault(name, []):
            origins[name].append(place)
    return Ends(
        trained=_spelled(tokenizer, found[0][1]),
        ids=frozenset(end for _, end in found if isinstance(end, int)),
        strings=tuple(dict.fromkeys(end for _, end in found if isinstance(end, str))),
        origins={name: tuple(places) for name, places in origins.items()},
    )


def template_ends(tokenizer: Any) -> tuple[int | str, ...]:
    """What the template writes after an answer: the id of one token, or a text of several; ().

    The first token there that was added to the vocabulary, special or not; else all that is
    written, white space aside. White space alone ends nothing, for texts hold it too.
    """
    if template_source(tokenizer) is None:
        return ()
    after = after_answer(tokenizer)
    if not after.strip():
        return ()
    marks = added_tokens(tokenizer)
    ids: list[int] = tokenizer(after, add_special_tokens=False)["input_ids"]
    for token in ids:
        if marks.get(token, "").strip():
            return (token,)
    spelled = _spelled(tokenizer, after.strip())
    return (spelled[0],) if len(spelled) == 1 else (after.strip(),)


def added_tokens(tokenizer: Any) -> dict[int, str]:
    """Id → content of the tokens that stand beside the learnt vocabulary, special or not."""
    added = {int(id_): str(token) for id_, token in tokenizer.added_tokens_decoder.items()}
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return {**{int(id_): str(token) for id_, token in named}, **added}


def _known(tokenizer: Any, stop: int | str) -> int | str:
    """A further end: a string that is an added token becomes its id. Raises UsageError."""
    if isinstance(stop, int):
        if not 0 <= stop < len(tokenizer):
            raise UsageError(
                f"decode.stop: found id {stop}; expected ids from 0 to {len(tokenizer) - 1}, the"
                f" tokens of {tokenizer.name_or_path!r}, or strings in quotes"
            )
        return stop
    ids = {content: id_ for id_, content in added_tokens(tokenizer).items()}
    return ids.get(stop, stop)


def _spelled(tokenizer: Any, end: int | str) -> tuple[int, ...]:
    if isinstance(end, int):
        return (end,)
    return tuple(tokenizer(end, add_special_tokens=False)["input_ids"])


def declared_ends(place: str, revision: str | None = None) -> dict[str, tuple[int, ...]]:
    """Ids of `eos_token_id` in a model's generation_config.json and config.json, by file.

    As the files hold them: defaults of a class that no file states are no declaration.
    """
    from harness.engine.generation_config import raw_config, raw_generation_config

    config = raw_config(place, revision)
    values = {
        "generation_config.json": [raw_generation_config(place, revision).get("eos_token_id")],
        "config.json": [
            part.get("eos_token_id")
            for part in (config, config.get("text_config"))
            if isinstance(part, dict)
        ],
    }
    return {name: ids for name, found in values.items() if (ids := _ids(found))}


def _ids(values: Sequence[Any]) -> tuple[int, ...]:
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return tuple(dict.fromkeys(each for each in flat if type(each) is int and each >= 0))
