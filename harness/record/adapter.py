"""What a record says of a low-rank adapter."""

from __future__ import annotations

from dataclasses import dataclass

from harness.record.estimates import View


@dataclass(frozen=True, kw_only=True)
class AdapterInfo(View):
    """A low-rank adapter; the weights below it are frozen."""

    kind: str
    """`lora`, `qlora`, or peft's name of another kind."""
    rank: int | None = None
    """Rank of its matrices; null for a kind without one."""
    alpha: float | None = None
    """What it adds is multiplied by this over the rank."""
    dropout: float | None = None
    """Dropout on what it reads, in training."""
    targets: tuple[str, ...] = ()
    """Names of the layers that have it."""
    base: str | None = None
    """Name of the base model of an adapter that was loaded from a folder."""
    base_fingerprint: str | None = None
    """Sixteen hex digits over the tensors of that base."""
