"""The section `model`: backbones, devices, and the adapters that training gives them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from harness.settings.section import Section

API = "openai:"
"""What the name of a backbone behind an API begins with."""


class ModelSettings(Section):
    backbone: str = "mini"
    """A backbone's name (`mini`, `smollm2`), a folder, a hub name, or `openai:URL#MODEL`, a model
    behind an API."""
    tokenizer: str | None = None
    """Folder or hub name of the tokenizer of a model behind an API. By default budgets count four
    bytes of text as a token, and log-probs are not asked for."""
    reasoner: str | None = None
    """FlyThinker's reasoner; by default a second copy of the backbone."""
    revision: str | None = None
    """Commit of a hub backbone."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, or `cuda:0,cuda:1` for generator and reasoner."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 (autocast over fp32 weights in training) on a GPU that supports it; on a CPU
    with avx512_bf16 or AMX too, for training and for generation, where a trial of a second shows
    that it pays. Mini's preset stays in float32 on a CPU."""
    attention: Literal["sdpa", "eager"] = "sdpa"
    """Attention implementation of transformers."""
    template_date: date | None = None
    """The date that a chat template prints as today, e.g. 2025-01-31; by default 2024-07-26."""
    template_args: Mapping[str, Any] = Field(default_factory=dict)
    """Arguments of the chat template, e.g. `model.template_args.enable_thinking=false`."""
    adapter: Literal["none", "lora", "qlora"] = "none"
    """What training changes: all weights (`none`), or low-rank adapters in every model, whose own
    weights stay as they are (`lora`), in 4 bits (`qlora`, by bitsandbytes)."""
    lora_rank: int = Field(16, ge=1)
    """Rank of the adapters."""
    lora_alpha: float = Field(32.0, gt=0)
    """What an adapter adds is multiplied by this over the rank."""
    lora_targets: tuple[str, ...] = Field(("all-linear",), min_length=1)
    """Modules that get an adapter, e.g. `q_proj,v_proj`; `all-linear` is every linear layer below
    the head. Head and embeddings never get one."""
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout on what an adapter reads, in training."""
    base: str | None = None
    """The base model of a backbone or reasoner that is an adapter's folder; by default the one
    that its adapter_config.json names."""

    @property
    def api(self) -> bool:
        """Whether the backbone is a model behind an API."""
        return self.backbone.startswith(API)

    @model_validator(mode="before")
    @classmethod
    def _the_backbone_is_the_usual_reasoner(cls, given: Any) -> Any:
        """Naming the backbone as reasoner changes nothing: such runs have one name."""
        if isinstance(given, Mapping) and given.get("reasoner") is not None:
            usual = given.get("backbone", cls.model_fields["backbone"].default)
            return {**given, "reasoner": None} if given["reasoner"] == usual else given
        return given

    @model_validator(mode="after")
    def _a_tokenizer_for_an_api(self) -> ModelSettings:
        if self.tokenizer is not None and not self.api:
            raise ValueError(
                f"model.tokenizer is for a backbone {API}URL#MODEL; other backbones have their own"
            )
        return self
