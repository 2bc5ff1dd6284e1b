"""The digest of values, by which runs, texts and inputs are known."""

from __future__ import annotations

import hashlib
import json


def json_sha256(*parts: object, sort_keys: bool = False) -> str:
    """sha256 of the parts as one JSON array, in 64 hex digits.

    parts: what JSON can hold.
    sort_keys: whether the order of an object's keys makes no difference.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=sort_keys).encode()).hexdigest()
