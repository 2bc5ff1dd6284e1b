"""Analyses of users that the untrained backbone writes for training: CoT's and Coconut's."""

from harness.analysis.choosing import Analyses, AnalysisOptions, analyse
from harness.analysis.separator import sentence_ends, separator

__all__ = ["Analyses", "AnalysisOptions", "analyse", "sentence_ends", "separator"]
