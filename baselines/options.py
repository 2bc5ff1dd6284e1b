"""The options of CoT and Coconut. Light: a comparison reads their defaults without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from harness.settings import Section

N_THOUGHTS = 4
MOST_THOUGHTS = 8


class AnalysisOptions(Section):
    variant: Literal["hindsight", "blind"] = "hindsight"
    """`hindsight`: the backbone sees the reference when it generates the analysis for training."""
    analysis_tokens: int = Field(128, ge=1)
    """Budget of an analysis in tokens, in training and at test time. The text has its own cap."""
    max_copied: float = Field(0.2, ge=0, le=1)
    """Largest share of an analysis's 8-grams of words that may occur in the reference. An analysis
    above it is rejected and counted. A blind analysis replaces it or, if that is above it too,
    none: the target is then the separator and the text."""


class CoconutOptions(AnalysisOptions):
    n_thoughts: int = Field(N_THOUGHTS, ge=0, le=MOST_THOUGHTS)
    """K, the number of latent thoughts between prompt and text; 0 without a curriculum is SFT."""
    curriculum: tuple[float, ...] = ()
    """Shares of training at which stages 1, 2, … S begin, e.g. [0.25, 0.5, 0.75]. Before the first,
    targets have CoT's whole analysis and there are no thoughts. Stage s omits the first s sentences
    and has s·K/S thoughts; stage S omits the whole analysis. Empty: thoughts only, and the options
    of the analysis have no effect."""

    @field_validator("curriculum")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)) or any(not 0 <= each < 1 for each in value):
            raise ValueError("stages begin at rising shares, 0 ≤ share < 1, e.g. [0.25, 0.5, 0.75]")
        return value
