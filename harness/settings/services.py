"""Settings of services outside the run: trackers, and the server of a model.

No name depends on them, since they change no result.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.settings.section import Section


class TrackSettings(Section):
    to: tuple[Literal["trackio", "tensorboard", "wandb"], ...] = ()
    """Experiment trackers that get the loss of each step and the scores. A run's name does not
    depend on them."""
    project: str = Field("flythinker-harness", min_length=1)
    """The project under which trackers show the run."""


class ApiSettings(Section):
    key: str = Field("OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable that holds the server's key. The key is never stored."""
    concurrent: int = Field(8, ge=1, le=1024)
    """Requests at a time."""
    timeout_s: float = Field(600.0, gt=0)
    """Seconds in which the whole answer must come; after them the request is repeated."""
    attempts: int = Field(6, ge=1)
    """Times that a request is sent before it counts as failed; the waits between them double."""
