"""Settings: presets, run options and `--set a.b=c` become one validated, frozen RunSettings."""

from harness.settings.load import build_settings, load_preset, merge, parse_assignment, validate
from harness.settings.sections import (
    CONTROLS,
    PRESETS,
    BudgetSettings,
    Control,
    DataSettings,
    DecodeSettings,
    EvalSettings,
    ModelSettings,
    RetrievalSettings,
    RunSettings,
    Section,
    TrainSettings,
    whole_numbers,
)

__all__ = [
    "CONTROLS",
    "PRESETS",
    "BudgetSettings",
    "Control",
    "DataSettings",
    "DecodeSettings",
    "EvalSettings",
    "ModelSettings",
    "RetrievalSettings",
    "RunSettings",
    "Section",
    "TrainSettings",
    "build_settings",
    "load_preset",
    "merge",
    "parse_assignment",
    "validate",
    "whole_numbers",
]
