"""Sources, task prompts, retrieval, budgets and fingerprints: source → Example → Prompt."""

from harness.data.cut import Offsets, byte_offsets, token_offsets
from harness.data.files import SPLITS
from harness.data.load import describe_source, load_split, load_splits
from harness.data.prompt import PromptWriter
from harness.data.retrieval import ranking
from harness.data.tasks import ABSTRACT_GENERATION, PRODUCT_REVIEW, TOPIC_WRITING, Task

__all__ = [
    "ABSTRACT_GENERATION",
    "PRODUCT_REVIEW",
    "SPLITS",
    "TOPIC_WRITING",
    "Offsets",
    "PromptWriter",
    "Task",
    "byte_offsets",
    "describe_source",
    "load_split",
    "load_splits",
    "ranking",
    "token_offsets",
]
