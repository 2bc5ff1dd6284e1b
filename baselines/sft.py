"""SFT: the backbone fine-tuned on the same prompt that RAG reads, with the reference as target."""

from __future__ import annotations

from harness.method import BaseMethod


class Sft(BaseMethod):
    """All weights are trained on −log p(reference | prompt)."""

    name = "sft"
    trains = True
