"""Settings: presets, run options and `--set a.b=c` become one validated, frozen RunSettings."""

from harness.settings.merged import (
    assignment,
    build_settings,
    data_needed,
    load_preset,
    parse_value,
    validate,
)
from harness.settings.model import API, ModelSettings
from harness.settings.run_file import RUN_FILE, Block, differences, read_run_file, run_file_text
from harness.settings.section import Section
from harness.settings.sections import (
    CONTROLS,
    PRESETS,
    BudgetSettings,
    DataSettings,
    DecodeSettings,
    EvalSettings,
    RetrievalSettings,
    RunSettings,
    TrainSettings,
    whole_numbers,
)
from harness.settings.services import ApiSettings, TrackSettings
from harness.settings.wrong import fields_of

__all__ = [
    "API",
    "CONTROLS",
    "PRESETS",
    "RUN_FILE",
    "ApiSettings",
    "Block",
    "BudgetSettings",
    "DataSettings",
    "DecodeSettings",
    "EvalSettings",
    "ModelSettings",
    "RetrievalSettings",
    "RunSettings",
    "Section",
    "TrackSettings",
    "TrainSettings",
    "assignment",
    "build_settings",
    "data_needed",
    "differences",
    "fields_of",
    "load_preset",
    "parse_value",
    "read_run_file",
    "run_file_text",
    "validate",
    "whole_numbers",
]
