"""Which models the lean step can serve by their shape, and their weights as it reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness.engine.lean_check import TOLERANCES
from harness.engine.lean_products import has_adapter, plain_adapter, stacked_linear, tied
from harness.engine.lean_step import Layer, LeanDecoder, Shape

FAMILIES = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
ROPES = ("default", "linear", "llama3", "yarn")
"""RoPE kinds whose frequencies depend on nothing but the position."""


def unfit(model: Any) -> str | None:
    """Why a model has not the common shape; None if it has. Also of one on the device `meta`."""
    kind = type(model)
    if kind.__name__ not in FAMILIES or not kind.__module__.startswith("transformers.models."):
        return "is of another family"
    config = model.config
    rope = config.rope_parameters.get("rope_type")
    sliding = getattr(config, "sliding_window", None) is not None and (
        "sliding_attention" in (getattr(config, "layer_types", None) or ["sliding_attention"])
    )
    devices = {part.device for part in model.parameters()}
    dtypes = {part.dtype for part in model.parameters()}
    rotary = model.base_model.rotary_emb
    frozen = any(part.is_inference() for part in model.parameters())
    reasons = {
        f"has RoPE of kind {rope}": rope not in ROPES,
        "has a sliding window": sliding,
        f"has the activation {config.hidden_act}": config.hidden_act != "silu",
        "has other attention than sdpa": config._attn_implementation != "sdpa",
        "lies on several devices or in several number types": len(devices) + len(dtypes) > 2,
        "is in another number type": not dtypes <= set(TOLERANCES),
        "was made in inference mode": frozen,
        "is on no CPU or GPU": not {each.type for each in devices} <= {"cpu", "cuda", "meta"},
        "turns a part of each head only": 2 * rotary.inv_freq.numel() != _shape(model).head_dim,
        "has layers that are not its family's": not all(map(_plain, _modules(model))),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _modules(model: nn.Module) -> Iterator[nn.Module]:
    """All modules but those inside adapters."""
    layers = [part for part in model.modules() if has_adapter(part)]
    inner = {part for layer in layers for part in layer.modules()}
    inner -= {part for layer in layers for part in (layer, getattr(layer, "base_layer", layer))}
    return (part for part in model.modules() if part not in inner)


def _plain(part: nn.Module) -> bool:
    """Whether a module is its family's own or a usual adapter: not quantized, hooked, replaced."""
    kind = type(part)
    own = kind in (nn.Linear, nn.Embedding, nn.ModuleList) or kind.__module__.startswith(
        ("transformers.models.", "transformers.activations", "torch.nn.modules.activation")
    )
    hooked = part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
    return (own or plain_adapter(part)) and not hooked


def stackable(models: Sequence[Any]) -> bool:
    """Whether the models have one shape, number type, device and RoPE."""
    first, *others = [
        (
            type(model),
            [(name, part.shape, part.dtype, part.device) for name, part in _body(model)],
            _shape(model),
            model.base_model.rotary_emb.attention_scaling,
        )
        for model in models
    ]
    frequencies = [model.base_model.rotary_emb.inv_freq for model in models]
    return all(other == first for other in others) and all(
        torch.equal(each, frequencies[0]) for each in frequencies
    )


def _body(model: Any) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that a lean step reads: all but embeddings and head."""
    yield from model.base_model.layers.named_parameters()
    yield "norm", model.base_model.norm.weight


def _shape(model: Any) -> Shape:
    attention, config = model.base_model.layers[0].self_attn, model.config
    return Shape(
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=attention.head_dim,
        epsilon=config.rms_norm_eps,
        scale=attention.scaling,
    )


@torch.inference_mode(False)
@torch.no_grad()
def fused(models: Sequence[Any]) -> LeanDecoder:
    """The decoder of M models of one shape; their parameters become views of its matrices.

    Inference mode is off, for parameters that are inference tensors could not be trained.
    """
    layers = []
    for parts in zip(*[model.base_model.layers for model in models], strict=True):
        attentions, mlps = [part.self_attn for part in parts], [part.mlp for part in parts]
        head_norms = hasattr(attentions[0], "q_norm")
        layers.append(
            Layer(
                norm=_rows([[part.input_layernorm.weight] for part in parts]),
                qkv=stacked_linear(
                    [[each.q_proj, each.k_proj, each.v_proj] for each in attentions]
                ),
                q_norm=_rows([[each.q_norm.weight] for each in attentions]) if head_norms else None,
                k_norm=_rows([[each.k_norm.weight] for each in attentions]) if head_norms else None,
                out=stacked_linear([[each.o_proj] for each in attentions]),
                mlp_norm=_rows([[part.post_attention_layernorm.weight] for part in parts]),
                gate_up=stacked_linear([[each.gate_proj, each.up_proj] for each in mlps]),
                down=stacked_linear([[each.down_proj] for each in mlps]),
            )
        )
    norm = _rows([[model.base_model.norm.weight] for model in models])
    rotary, dtype = models[0].base_model.rotary_emb, norm.dtype

    def cosine_and_sine(positions: Tensor) -> tuple[Tensor, Tensor]:
        like = torch.empty(0, dtype=dtype, device=positions.device)
        cosine, sine = rotary(like, positions[None])
        return cosine[0], sine[0]

    return LeanDecoder(_shape(models[0]), layers, norm, cosine_and_sine, len(models))


def _rows(groups: Sequence[Sequence[nn.Parameter]]) -> Tensor:
    """`tied` vectors as [M,1,width]."""
    return tied(groups)[:, None]
