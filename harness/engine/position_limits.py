"""How many positions a model can read.

Past the limit, learned positions (GPT-2, OPT) raise an index error; rotary ones (Llama, Qwen)
silently leave the trained range. Dynamic and long RoPE change the frequencies of a whole batch once
its longest row passes a length (transformers' modeling_rope_utils), so that a row's numbers would
depend on its batch. That length is a limit too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

POSITIONS = ("max_position_embeddings", "max_seq_len")
"""Names of this limit in configs; families with another name map it to the first one."""
LONG = ("longrope", "su")
"""Two sets of frequencies; batches past `original_max_position_embeddings` use the long one."""


@dataclass(frozen=True)
class Limit:
    """Most positions in a row, the config's attribute that says so, and the reason."""

    positions: int
    attribute: str
    reason: str


def position_limits(config: Any) -> list[Limit]:
    """The limits of a model's config, the smallest first; [] for ALiBi and attention-free models.

    config: a transformers config; of a nested one, the text model's part is used.
    """
    text = config.get_text_config(decoder=True)
    nested = "" if text is config else "text_config."
    limits = list(_declared(text, nested))
    most = limits[0].positions if limits else None
    for rope in _ropes(text):
        limits += _switch(rope, text, nested, most)
    return sorted(limits, key=lambda limit: limit.positions)


def _declared(config: Any, nested: str) -> Iterator[Limit]:
    """The declared limit; with YaRN, its factor times the original length if that is more."""
    if getattr(config, "alibi", False):  # Falcon has max_position_embeddings even with ALiBi
        return
    for name in POSITIONS:
        most = getattr(config, name, None)
        if not isinstance(most, int) or most <= 0:
            continue
        for rope in _ropes(config):
            if _kind(rope) == "yarn":
                original = rope.get("original_max_position_embeddings") or most
                most = max(most, int(original * (rope.get("factor") or 1)))
        attribute = config.attribute_map.get(name, name)
        yield Limit(most, nested + attribute, "the longest row that the model was built for")
        return


def _switch(rope: dict[str, Any], config: Any, nested: str, most: int | None) -> Iterable[Limit]:
    """The length beyond which the longest row of a batch changes the RoPE of all its rows."""
    kind = _kind(rope)
    original = rope.get("original_max_position_embeddings") or getattr(
        config, "original_max_position_embeddings", None
    )
    reason = (
        f'its RoPE is "{kind}": a longer row would change the frequencies of all rows in its batch'
    )
    if kind in LONG and original:
        yield Limit(int(original), f"{nested}original_max_position_embeddings", reason)
    elif "dynamic" in kind and most is not None:
        yield Limit(most, f"{nested}max_position_embeddings", reason)


def _kind(rope: dict[str, Any]) -> str:
    return str(rope.get("rope_type") or rope.get("type") or "default")


def _ropes(config: Any) -> Iterator[dict[str, Any]]:
    """The RoPE settings of a config: one, or one per kind of layer (Gemma 3)."""
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None)
    if not isinstance(rope, dict):
        return
    by_layer_kind = [each for each in rope.values() if isinstance(each, dict)]
    yield from by_layer_kind or [rope]
