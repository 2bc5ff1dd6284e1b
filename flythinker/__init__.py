"""FlyThinker: think while generating (arXiv 2512.06690)."""

from flythinker.model import FlyThinkerLM

__all__ = ["FlyThinkerLM"]
