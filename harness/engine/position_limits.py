"""How many positions a model can read, and where a row's own numbers would depend on its batch.

Learned positions (GPT-2, OPT) end in an index error, rotary ones (Llama, Qwen) go on silently past
what they were trained for. Dynamic and long RoPE change their frequencies for a whole batch once
its longest row passes a length (transformers' modeling_rope_utils): below it no row is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

POSITIONS = ("max_position_embeddings", "max_seq_len")
"""How configs call the most positions; families with another name map it to the first one."""
LONG = ("longrope", "su")
"""Two sets of frequencies; a batch takes the long one from `original_max_position_embeddings`."""


@dataclass(frozen=True)
class Limit:
    """A most number of positions, and why: for which attribute of the config, read as what."""

    positions: int
    attribute: str
    reason: str


def position_limits(config: Any) -> list[Limit]:
    """The limits of a model's config, the tightest first; none for ALiBi and attention-free models.

    config: as transformers reads it; that of the text model where it is nested.
    """
    text = config.get_text_config(decoder=True)
    nested = "" if text is config else "text_config."
    found = list(_declared(text, nested))
    most = found[0].positions if found else None
    for rope in _ropes(text):
        found += _switch(rope, text, nested, most)
    return sorted(found, key=lambda limit: limit.positions)


def _declared(config: Any, nested: str) -> Iterator[Limit]:
    """What the config declares; with YaRN what its factor makes of the original length."""
    if getattr(config, "alibi", False):  # Falcon's; the attribute is there all the same
        return
    for name in POSITIONS:
        most = getattr(config, name, None)
        if not isinstance(most, int) or most <= 0:
            continue
        for rope in _ropes(config):
            if _kind(rope) == "yarn":
                original = rope.get("original_max_position_embeddings") or most
                most = max(most, int(original * (rope.get("factor") or 1)))
        own = config.attribute_map.get(name, name)
        yield Limit(most, nested + own, "the most positions that it was made for")
        return


def _switch(rope: dict[str, Any], config: Any, nested: str, most: int | None) -> Iterable[Limit]:
    """The length from which a batch's longest row changes the frequencies of all its rows."""
    kind = _kind(rope)
    original = rope.get("original_max_position_embeddings") or getattr(
        config, "original_max_position_embeddings", None
    )
    reason = (
        f'its RoPE is "{kind}": in a longer batch all rows, short ones too, would be read with'
        " other frequencies"
    )
    if kind in LONG and original:
        yield Limit(int(original), f"{nested}original_max_position_embeddings", reason)
    elif "dynamic" in kind and most is not None:
        yield Limit(most, f"{nested}max_position_embeddings", reason)


def _kind(rope: dict[str, Any]) -> str:
    return str(rope.get("rope_type") or rope.get("type") or "default")


def _ropes(config: Any) -> Iterator[dict[str, Any]]:
    """The RoPE settings of a config: one, or one for each kind of layer (Gemma 3)."""
    found = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None)
    if not isinstance(found, dict):
        return
    inner = [each for each in found.values() if isinstance(each, dict)]
    yield from inner or [found]
