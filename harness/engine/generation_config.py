"""A model's own generation_config, and which of its requests a run does not apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.settings import DecodeSettings

SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "typical_p", "top_h", "epsilon_cutoff", "eta_cutoff",
    "renormalize_logits",
)  # fmt: skip
"""Keys without effect in greedy decoding."""
ELSEWHERE = (
    "eos_token_id", "bos_token_id", "pad_token_id", "decoder_start_token_id", "do_sample",
    "transformers_version", "max_length", "max_new_tokens", "use_cache", "cache_implementation",
    "return_dict_in_generate", "output_attentions", "output_hidden_states", "output_scores",
    "output_logits", "chat_format", "stop_words_ids", "trust_remote_code",
)  # fmt: skip
"""Keys that do not concern decoding, or that the harness handles itself."""
SUPPORTED = ("temperature", "top_p", "top_k", "repetition_penalty")
"""Keys that are settings of decoding here too."""
OFF: Mapping[str, tuple[Any, ...]] = {
    "repetition_penalty": (1.0,), "temperature": (1.0,), "top_p": (1.0,), "top_k": (0,),
    "typical_p": (1.0,), "num_beams": (1,), "num_beam_groups": (1,), "num_return_sequences": (1,),
    "length_penalty": (1.0,), "diversity_penalty": (0.0,), "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,), "encoder_repetition_penalty": (1.0,), "min_length": (0,),
    "epsilon_cutoff": (0.0,), "eta_cutoff": (0.0,),
}  # fmt: skip
"""Values without effect, by key; None, False and empty values never have one."""


def requested(generation_config: Mapping[str, Any]) -> dict[str, Any]:
    """The decoding options that a generation_config requests; {} if none."""
    samples = bool(generation_config.get("do_sample"))
    return {
        key: value
        for key, value in sorted(generation_config.items())
        if not key.startswith("_")
        and key not in ELSEWHERE
        and (samples or key not in SAMPLING)
        and value not in (None, False, [], {})
        and (value not in OFF.get(key, ()) or (key == "temperature" and samples))
    }


def not_applied(request: Mapping[str, Any], options: DecodeSettings) -> dict[str, Any]:
    """The part of `request` (from `requested`) that this run does not apply."""
    return {
        key: value
        for key, value in request.items()
        if key not in SUPPORTED or getattr(options, key) != value
    }


def advice(name: str, ignored: Mapping[str, Any]) -> str | None:
    """A line for the screen about requests that are not applied; None if there are none."""
    if not ignored:
        return None
    requests = ", ".join(f"{key}={value}" for key, value in ignored.items())
    how = " ".join(f"--set decode.{key}={ignored[key]}" for key in SUPPORTED if key in ignored)
    return (
        f"{name}: its generation_config requests {requests}; not applied, so that all runs decode"
        " the same way" + (f" ({how} applies it)" if how else "")
    )
