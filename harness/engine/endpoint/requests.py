"""The bodies of requests: a text to generate, or a text whose log-probs are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.engine.endpoint.address import Address
from harness.settings import DecodeSettings

SEEDS = 2**31
"""Seeds are sent below this; some servers take no larger ones."""


def text_request(
    address: Address,
    prompt: str | Sequence[int],
    options: DecodeSettings,
    seed: int,
    template: Mapping[str, Any],
) -> dict[str, Any]:
    """The request for one text.

    address: the model's.
    prompt: text, or token ids for a model that takes prompts as they are.
    options: how tokens are drawn, the cap, further ends.
    seed: of the example's random stream.
    template: arguments of the chat template.

    Every setting is sent, because servers have defaults of their own (vLLM takes them from the
    model's generation_config). Stop ids go into vLLM's `stop_token_ids`.
    """
    strings = [each for each in options.stop if isinstance(each, str)]
    ids = [each for each in options.stop if isinstance(each, int)]
    return {
        **_asked(address, prompt),
        "max_tokens": options.max_new_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k or -1,
        "repetition_penalty": options.repetition_penalty,
        "seed": seed % SEEDS,
        **({"stop": strings} if strings else {}),
        **({"stop_token_ids": ids} if ids else {}),
        **({"chat_template_kwargs": dict(template)} if template and address.chat else {}),
    }


def _asked(address: Address, prompt: str | Sequence[int]) -> dict[str, Any]:
    if address.chat:
        return {"model": address.model, "messages": [{"role": "user", "content": prompt}]}
    return {"model": address.model, "prompt": prompt if isinstance(prompt, str) else list(prompt)}


def echo_request(
    address: Address, prompt: Sequence[int], response: Sequence[int]
) -> dict[str, Any]:
    """The request for the log-probs of a response after a prompt, both in token ids."""
    return {
        "model": address.model,
        "prompt": [*prompt, *response],
        "max_tokens": 1,  # some servers refuse 0; the token is not read
        "temperature": 0,
        "echo": True,
        "logprobs": 1,
    }


def prompt_request(
    address: Address, prompt: str, response: str, template: Mapping[str, Any]
) -> dict[str, Any]:
    """The request for the log-probs of a response after a user's turn (vLLM's own fields)."""
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
    return {
        "model": address.model,
        "messages": turns,
        "max_tokens": 1,
        "temperature": 0,
        "add_generation_prompt": False,
        "continue_final_message": True,
        "prompt_logprobs": 0,
        **({"chat_template_kwargs": dict(template)} if template else {}),
    }
