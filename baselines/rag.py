"""RAG: the backbone as it is, reading retrieved profile texts, then x (LongLaMP's prompt)."""

from __future__ import annotations

from harness.method import Method


class Rag(Method):
    """The shared prompt with profile, no training: every default of the base class."""

    name = "rag"
