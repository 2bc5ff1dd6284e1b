"""Low-rank adapters (LoRA, Hu et al. 2022) in the models of a method, by peft.

Every linear map W of a frozen model becomes W + (alpha / rank) · B · A, where training changes A
and B alone. B is zero at the start, so that the model is its base until a first step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from harness.engine.four_bits import in_four_bits, quantize, to_type
from harness.engine.lm import PersonalLM, causal_lms
from harness.errors import UsageError
from harness.record import AdapterInfo
from harness.settings import ModelSettings

NAME = "default"
"""peft's name of the only adapter in a model."""
ALL = "all-linear"
"""The target that means every linear layer below the head."""


def add_adapters(lm: PersonalLM, settings: ModelSettings, seed: int) -> None:
    """Freeze the causal LMs of `lm` and give them adapters, where the settings ask for them.

    A model that is frozen already stays as it is, and one that was loaded with an adapter keeps it.

    Args:
        lm: a method's model before training; it changes.
        settings: with the kind, rank, alpha, targets and dropout.
        seed: of A; the same for every run with this seed.

    With `qlora` the frozen linear layers below the head are kept in 4 bits.

    Raises UsageError for unknown targets, for head or embeddings among them, for a model without a
    causal LM to adapt, and for `qlora` without bitsandbytes or of a model that has adapters.
    """
    four_bits = settings.adapter == "qlora"
    if four_bits and (lm.adapted or any(has_adapter(model) for _, model in causal_lms(lm))):
        raise UsageError(
            f"model.adapter=qlora: {type(lm).__name__} has adapters of its own, or was loaded with"
            " one; expected a whole model\n  mend      --set model.adapter=lora"
        )
    if settings.adapter == "none" or lm.adapted:
        return
    models = [model for _, model in causal_lms(lm) if _trains(model)]
    if not models:
        raise UsageError(
            f"model.adapter={settings.adapter}: {type(lm).__name__} has no causal LM that trains;"
            " expected at least one\n  mend      --set model.adapter=none"
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for model in models:
            if four_bits:
                quantize(model)
            if not has_adapter(model):
                _inject(model, settings)
    lm.adapted = True


def has_adapter(model: nn.Module) -> bool:
    """Whether peft's layers are in a model."""
    return bool(getattr(model, "peft_config", None))


def lora_config(settings: ModelSettings) -> Any:
    """peft's configuration of an adapter as the settings describe it."""
    from peft import LoraConfig

    targets = settings.lora_targets
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,  # type: ignore[arg-type]  # peft takes fractions
        lora_dropout=settings.lora_dropout,
        target_modules=ALL if targets == (ALL,) else list(targets),
    )


def refuse_targets(model: Any, targets: Sequence[str]) -> None:
    """Raises UsageError for a target that no linear layer of the model has, or that is its head or
    its embeddings."""
    if tuple(targets) == (ALL,):
        return
    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    linear = {
        name: part
        for name, part in model.named_modules()
        if part not in ends and (isinstance(part, nn.Linear) or type(part).__name__ == "Conv1D")
    }
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in linear):
            known = sorted({name.rpartition(".")[2] for name in linear})
            raise UsageError(
                f"model.lora_targets: {target!r} in {type(model).__name__}; expected"
                f" {ALL} alone, or linear layers below the head: {', '.join(known)}"
            )


def _trains(model: nn.Module) -> bool:
    return has_adapter(model) or any(part.requires_grad for part in model.parameters())


def _inject(model: Any, settings: ModelSettings) -> None:
    """Give a model an adapter, in place: its class stays, and its own weights are frozen."""
    from peft import inject_adapter_in_model

    refuse_targets(model, settings.lora_targets)
    inject_adapter_in_model(lora_config(settings), model, NAME)


def adapter_info(lm: PersonalLM, settings: ModelSettings) -> AdapterInfo | None:
    """What the record says of the adapters that training changes; None without adapters.

    One that was loaded from a folder has its own rank, alpha, dropout and targets.
    """
    found = [model for _, model in causal_lms(lm) if has_adapter(model)]
    if not found:
        return None
    kind = "qlora" if settings.adapter == "qlora" else "lora"
    return info_of(found[0].peft_config[NAME], layer_names(found[0]), kind)


def info_of(config: Any, targets: Iterable[str], kind: str) -> AdapterInfo:
    """peft's configuration as the record has it.

    targets: names of the layers. kind: of the adapter.
    """
    return AdapterInfo(
        kind=kind,
        rank=getattr(config, "r", None),
        alpha=getattr(config, "lora_alpha", None),
        dropout=getattr(config, "lora_dropout", None),
        targets=tuple(sorted(set(targets))),
    )


def layer_names(model: nn.Module) -> list[str]:
    """Names of the layers with an adapter, without the path to them."""
    return sorted({name for _, name, _ in adapted_layers(model)})


def store_base(lm: PersonalLM, dtype: torch.dtype) -> None:
    """Keep the frozen weights of a model with adapters in `dtype`; what trains stays as it is."""
    if not lm.adapted:
        return
    to_type(lm, dtype, frozen_only=True)


def ready_to_generate(lm: PersonalLM, training: torch.dtype, generation: torch.dtype) -> None:
    """Give a trained model the number type that generates; in float32 adapters are merged.

    The base first gets the values that it had in training, also where no training went before.
    Adapters are added in float32: the weights' steps in bfloat16 are larger than what most add.

    training: of frozen weights below adapters. generation: of all.
    """
    store_base(lm, training)
    to_type(lm, generation)
    if generation is torch.float32:
        merge_adapters(lm)


def merge_adapters(lm: PersonalLM) -> None:
    """Add the adapters of peft to the weights, so that a step costs what it costs without them.

    The models have their own layers again. Log-probs stay the same to rounding. Adapters over
    weights that two models share, or over weights in 4 bits, stay apart.
    """
    models = [
        model for _, model in causal_lms(lm) if has_adapter(model) and not in_four_bits(model)
    ]
    uses = Counter(id(part) for model in models for part in model.parameters())
    if max(uses.values(), default=1) > 1:
        return
    for model in models:
        for parent, name, layer in list(adapted_layers(model)):
            layer.merge(safe_merge=True)
            setattr(parent, name, layer.get_base_layer())
        del model.peft_config


def adapted_layers(model: nn.Module) -> Iterator[tuple[nn.Module, str, Any]]:
    """(parent, name in it, layer) of every layer with an adapter."""
    from peft.tuners.lora import LoraLayer

    for parent in model.modules():
        for name, layer in parent.named_children():
            if isinstance(layer, LoraLayer):
                yield parent, name, layer
