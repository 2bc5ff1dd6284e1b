"""The ends of a text: every id and string that stops decoding, and the end used in training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.engine.model_files import model_json
from harness.engine.template import after_answer, template_source
from harness.engine.text import template_ids
from harness.errors import UsageError
from harness.types import Tokenizer

TEMPLATE, TOKENIZER, STOP = "chat template", "tokenizer", "decode.stop"


@dataclass(frozen=True)
class Ends:
    """The ends of a text. Any of them stops decoding; one is used in training.

    trained: the tokens after a training target: the template's end of an answer, or the
    tokenizer's end token; several if the template's end is not a single token. ids: single tokens.
    strings: ends that may take several tokens. origins: end → where it is declared.
    """

    trained: tuple[int, ...]
    ids: frozenset[int]
    strings: tuple[str, ...] = ()
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def described(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """For the record: the trained end, and every end with where it is declared."""
        return {
            "trained": {"ids": list(self.trained), "text": tokenizer.decode(list(self.trained))},
            "ids": sorted(self.ids),
            "strings": list(self.strings),
            "named_by": {end: list(sources) for end, sources in self.origins.items()},
        }


def ends_of(
    tokenizer: Tokenizer,
    declared: Mapping[str, Sequence[int]] | None = None,
    stop: Sequence[int | str] = (),
) -> Ends:
    """The ends of a backbone's texts.

    declared: ids of end tokens by file (`declared_ends`). stop: further ids and strings. The
    trained end is the template's, else the tokenizer's, else the first declared one, else the first
    of `stop`. Raises UsageError if there is no end at all.
    """
    # 1. All ends with where they are declared, in order of precedence
    ends: list[tuple[str, int | str]] = [
        *((TEMPLATE, end) for end in template_ends(tokenizer)),
        *([(TOKENIZER, tokenizer.eos_token_id)] if tokenizer.eos_token_id is not None else []),
        *((file, end) for file, ids in (declared or {}).items() for end in ids),
        *((STOP, _as_id(tokenizer, each)) for each in stop),
    ]
    if not ends:
        raise UsageError(
            f"tokenizer {tokenizer.name_or_path!r} has no end token; expected eos_token in its"
            " tokenizer_config.json, eos_token_id in generation_config.json, a chat template that"
            " ends a turn, or --set decode.stop='[ID]'"
        )
    # 2. By end, for the record
    origins: dict[str, list[str]] = {}
    for source, end in ends:
        name = end if isinstance(end, str) else f"{end} {tokenizer.decode([end])}".rstrip()
        if source not in origins.setdefault(name, []):
            origins[name].append(source)
    first = ends[0][1]
    return Ends(
        trained=(first,) if isinstance(first, int) else tuple(template_ids(tokenizer, first)),
        ids=frozenset(end for _, end in ends if isinstance(end, int)),
        strings=tuple(dict.fromkeys(end for _, end in ends if isinstance(end, str))),
        origins={name: tuple(sources) for name, sources in origins.items()},
    )


def template_ends(tokenizer: Tokenizer) -> tuple[int | str, ...]:
    """The template's end of an answer: one token's id, a string of several tokens, or ().

    This is the first added token there, special or not; else the whole text there, stripped. White
    space alone is not an end, because texts contain it.
    """
    if template_source(tokenizer) is None:
        return ()
    after = after_answer(tokenizer)
    if not after.strip():
        return ()
    added = added_tokens(tokenizer)
    for token in template_ids(tokenizer, after):
        if added.get(token, "").strip():
            return (token,)
    spelled = template_ids(tokenizer, after.strip())
    return (spelled[0],) if len(spelled) == 1 else (after.strip(),)


def added_tokens(tokenizer: Tokenizer) -> dict[int, str]:
    """Id → content of the tokens added to the learnt vocabulary, special or not."""
    added = {int(id_): str(token) for id_, token in tokenizer.added_tokens_decoder.items()}
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return {**{int(id_): str(token) for id_, token in named}, **added}


def _as_id(tokenizer: Tokenizer, stop: int | str) -> int | str:
    """A further end; a string that is an added token becomes its id. Raises UsageError."""
    if isinstance(stop, int):
        if not 0 <= stop < len(tokenizer):
            raise UsageError(
                f"decode.stop: found id {stop}; expected ids from 0 to {len(tokenizer) - 1}, the"
                f" tokens of {tokenizer.name_or_path!r}, or strings in quotes"
            )
        return stop
    ids = {content: id_ for id_, content in added_tokens(tokenizer).items()}
    return ids.get(stop, stop)


def declared_ends(location: str, revision: str | None = None) -> dict[str, tuple[int, ...]]:
    """`eos_token_id` in a model's generation_config.json and config.json, by file.

    Only what the files contain; a config class's defaults do not count.
    """
    generation, config = (
        model_json(location, name, revision) for name in ("generation_config.json", "config.json")
    )
    text = config.get("text_config")
    parts = {
        "generation_config.json": [generation],
        "config.json": [config, text if isinstance(text, dict) else {}],
    }
    found = {name: _ids(each.get("eos_token_id") for each in of) for name, of in parts.items()}
    return {name: ids for name, ids in found.items() if ids}


def _ids(values: Iterable[object]) -> tuple[int, ...]:
    flat = (one for value in values for one in (value if isinstance(value, list) else [value]))
    return tuple(dict.fromkeys(one for one in flat if type(one) is int and one >= 0))
