"""Which models the lean step serves, with their weights, checked against their own forward.

The weights are the model's own: its parameters become views of the fused matrices, in place, so
that no weight is held twice and later training is seen. Models that differ from the common shape,
or whose log-probs the check does not find again, go through transformers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from harness.engine.lean_check import TOLERANCES, disagreement
from harness.engine.lean_products import has_adapter, plain_adapter, stacked_linear, tied
from harness.engine.lean_step import Layer, LeanDecoder, Shape
from harness.errors import UsageError

Step = Literal["auto", "lean", "transformers"]
FAMILIES = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
ROPES = ("default", "linear", "llama3", "yarn")
"""RoPE kinds whose frequencies depend on nothing but the position."""
KEPT = "_lean_step"
"""Attribute of a model that holds its `Choice`."""


@dataclass
class Choice:
    """How a model decodes. refusal: why the lean step does not serve it, once that is known.

    stack: the decoder that both models of a pair share, and this model's place in it.
    tied: parameters with the addresses at which the fused matrices expect them.
    """

    step: Step = "auto"
    decoder: LeanDecoder | None = None
    refusal: str | None = None
    stack: LeanDecoder | None = None
    tied: list[tuple[nn.Parameter, int]] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether the fused matrices still are the model's weights; moving a model ends that."""
        return all(part.data_ptr() == address for part, address in self.tied)


def choose_step(models: Sequence[nn.Module], step: Step) -> None:
    """From now on these models decode by `step`.

    Raises UsageError for "lean" with a model of another shape.
    """
    for model in models:
        if step == "lean" and (refusal := unfit(model)) is not None:
            raise _refused(model, refusal)
        if choice_of(model).step != step:
            setattr(model, KEPT, Choice(step))


def step_taken(models: Sequence[nn.Module]) -> str:
    """What computed the last steps of these models, for the record."""
    choices = [choice_of(model) for model in models]
    if choices and all(each.decoder for each in choices):
        return "lean, stacked" if all(each.stack for each in choices) else "lean"
    reasons = [
        f"{type(model).__name__} {each.refusal}"
        for model, each in zip(models, choices, strict=True)
        if each.refusal
    ]
    return ": ".join(["transformers", *dict.fromkeys(reasons)])


def choice_of(model: nn.Module) -> Choice:
    found = getattr(model, KEPT, None)
    if not isinstance(found, Choice):
        found = Choice()
        setattr(model, KEPT, found)
    return found


def separate(lm: nn.Module) -> None:
    """Give each parameter memory of its own, as files of weights need it.

    The decoders are forgotten, and with them the fused matrices; the next step makes new ones.
    """
    for part in lm.modules():
        if KEPT in vars(part):
            _forget(part)
    for weight in lm.parameters():
        if weight.untyped_storage().nbytes() > weight.nbytes:
            weight.data = weight.data.clone()


def _forget(model: nn.Module) -> None:
    """Drop the decoder, and with it the fused matrices; why it is refused stays known."""
    choice = choice_of(model)
    setattr(model, KEPT, Choice(choice.step, refusal=choice.refusal))


def lean_decoder(model: nn.Module) -> LeanDecoder | None:
    """The lean step of `model`, built and checked at first use; None: go through transformers.

    With gradients, or in training, it is always None. Raises UsageError if the step was set to
    "lean" and the model fails the check.
    """
    choice = choice_of(model)
    if not _applies(model, choice):
        return None
    if choice.decoder is None or not choice.intact:
        _build([model])
        choice = choice_of(model)
    if choice.decoder is None and choice.step == "lean":
        raise _refused(model, choice.refusal)
    return choice.decoder


def stacked_decoder(models: Sequence[nn.Module]) -> LeanDecoder | None:
    """One decoder of all `models`, so that one step serves them; None if their shapes differ."""
    choices = [choice_of(model) for model in models]
    stack = choices[0].stack
    if not all(map(_applies, models, choices)):
        return None
    if stack is not None and all(each.stack is stack and each.intact for each in choices):
        return stack
    if any(map(unfit, models)) or not _stackable(models):
        return None
    _build(models)
    return choice_of(models[0]).stack


def _refused(model: nn.Module, refusal: str | None) -> UsageError:
    return UsageError(
        f"decode.step = lean: {type(model).__name__} {refusal}; expected one of"
        f" {', '.join(FAMILIES)} in its common form. Use --set decode.step=auto"
    )


def _applies(model: nn.Module, choice: Choice) -> bool:
    """Whether the lean step may serve a model now, as far as is known."""
    casting = any(torch.is_autocast_enabled(device) for device in ("cpu", "cuda"))
    if torch.is_grad_enabled() or model.training or casting:
        return False
    refused = choice.decoder is None and choice.refusal is not None and choice.step != "lean"
    return choice.step != "transformers" and not refused


def _build(models: Sequence[nn.Module]) -> None:
    """Fuse the weights of models of one shape, check each model, and keep what was found."""
    steps = [choice_of(model).step for model in models]
    refusals = [unfit(model) for model in models]
    if any(refusals):
        for model, step, refusal in zip(models, steps, refusals, strict=True):
            setattr(model, KEPT, Choice(step, refusal=refusal))
        return
    stack = fused(models)
    for index, (model, step) in enumerate(zip(models, steps, strict=True)):
        decoder = stack.model(index)
        refusal = _refused_by_check(model, decoder)
        tied = [(part, part.data_ptr()) for part in model.parameters()]
        shared = stack if len(models) > 1 else None
        found = Choice(step, decoder, None, shared, tied)
        setattr(model, KEPT, found if refusal is None else Choice(step, refusal=refusal))


def _refused_by_check(model: nn.Module, decoder: LeanDecoder) -> str | None:
    """Why the check refuses a model, or None.

    In half precision two right computations of one position can differ by nats (a FlyThinker that
    was trained, read without thoughts). Then most positions must agree, and all in float32.
    """
    found = disagreement(model, decoder)
    if found is None or decoder.norm.dtype is torch.float32:
        return found
    if disagreement(model, decoder, torch.median) is not None:
        return found
    _forget(model)  # a decoder would be copied
    try:
        with torch.inference_mode(False), torch.no_grad():  # see `fused`
            wide = deepcopy(model).float()
        return disagreement(wide, fused([wide])) and found
    except torch.OutOfMemoryError:
        return found


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


def _stackable(models: Sequence[Any]) -> bool:
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
