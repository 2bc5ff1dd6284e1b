"""Analyses of users that the untrained backbone writes for training: CoT's and Coconut's."""

from baselines.analysis.choosing import Analyses, AnalysisOptions, analyse
from baselines.analysis.separator import sentence_ends, separator

__all__ = ["Analyses", "AnalysisOptions", "analyse", "sentence_ends", "separator"]
