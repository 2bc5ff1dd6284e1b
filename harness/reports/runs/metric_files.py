"""The files of a metric that is not built in, as records know them."""

from __future__ import annotations

from harness.record import Record
from harness.registry import BUILT_IN

UNKNOWN = "unknown"
"""The digest of a metric whose file was not found."""


def metric_digest(record: Record, name: str) -> str | None:
    """Twelve hex digits over a plugin metric's files and tools; None if the record has none.

    A plugin's signature need not change when its file does. Of a built-in metric, and of one of a
    family (`evaluate:…`), the signature says what its number depends on.
    """
    if name in BUILT_IN["metric"] or ":" in name or record.inputs is None:
        return None
    digest = record.inputs.metrics.get(name, UNKNOWN)
    return None if digest == UNKNOWN else digest[:12]


def same_files(first: Record, second: Record, name: str) -> bool:
    """Whether no file of a metric is known to differ between two records."""
    digests = {metric_digest(first, name), metric_digest(second, name)} - {None}
    return len(digests) < 2
