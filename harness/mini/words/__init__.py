"""The wording of the three tasks: plain lists, one module per task."""

from harness.mini.words import abstract, review, topic
from harness.mini.words.wording import Wording

WORDINGS: dict[str, Wording] = {
    "product_review": review.WORDING,
    "abstract_generation": abstract.WORDING,
    "topic_writing": topic.WORDING,
}
