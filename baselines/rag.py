"""RAG: the base model with retrieved profile texts, then x (LongLaMP's prompt)."""

from __future__ import annotations

from harness.method import Method


class Rag(Method):
    """The shared prompt with profile, without training: all defaults of the base class."""

    name = "rag"
