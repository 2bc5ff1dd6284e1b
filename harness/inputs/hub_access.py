"""The hub, asked once: without a network, huggingface_hub would repeat every request for 23 s."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TIMEOUT_S = 10.0


@contextmanager
def asked_once(location: str) -> Iterator[None]:
    """Inside, files of a hub repository come from the cache alone if the hub does not answer.

    location: a folder, for which the hub is not asked, or a hub name.
    """
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = offline or not (Path(location).is_dir() or _answers())
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


def _answers() -> bool:
    """Whether the hub gives any response, even an error, in the way that its client asks."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=TIMEOUT_S)
    except Exception:  # any failure of the network or of a proxy
        return False
    return True
