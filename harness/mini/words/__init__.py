"""The wording of the three tasks: plain lists, one module per task."""

from harness.mini.words import abstract, review, topic

WORDINGS = {
    "product_review": review.WORDING,
    "abstract_generation": abstract.WORDING,
    "topic_writing": topic.WORDING,
}
