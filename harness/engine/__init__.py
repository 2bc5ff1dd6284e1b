"""The engine: batches, models, training, decoding. Names that other tools rely on are here."""

from harness.engine.batch import Batch
from harness.engine.decode import generate
from harness.engine.lm import CausalLM, PersonalLM

__all__ = ["Batch", "CausalLM", "PersonalLM", "generate"]
