"""What the FlyThinker paper reports (arXiv 2512.06690): shown for orientation, never tested."""

from __future__ import annotations

from harness.reports.runs.systems import Board

MARK = "reported, not reproduced here"
SOURCE = (
    "FlyThinker paper, Qwen2.5-3B-Instruct, BLEU; it does not say whether its setting is user or"
    " temporal"
)
METRIC = "bleu"
BLEU = {
    "product_review": {"nonpers": 1.54, "rag": 3.30, "sft": 3.91, "cot": 3.37, "coconut": 3.32,
                       "flythinker": 4.36},
    "abstract_generation": {"nonpers": 4.58, "rag": 3.40, "sft": 5.82, "cot": 5.85,
                            "coconut": 5.24, "flythinker": 6.34},
    "topic_writing": {"nonpers": 1.12, "rag": 1.43, "sft": 3.89, "cot": 3.00, "coconut": 3.07,
                      "flythinker": 4.06},
}  # fmt: skip
"""Task → method → BLEU."""


def reported(board: Board) -> dict[str, float]:
    """Method → the paper's BLEU on this task; empty for the built-in benchmark."""
    if board.systems[0].record.data.built_in:
        return {}
    known = BLEU.get(board.task, {})
    here = {system.record.method for system in board.systems}
    return {method: value for method, value in known.items() if method in here}
