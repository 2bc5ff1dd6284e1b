"""Silence the libraries' progress bars and notices, which would mix with ours."""

from __future__ import annotations

import logging
import os
import sys
import warnings

QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "DATASETS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""What the libraries read when they are imported."""


def quiet_libraries() -> None:
    """Silence progress bars and warnings of transformers and datasets; errors are still shown.

    Neither is imported here: each takes seconds, and many commands need only one of them.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if datasets := sys.modules.get("datasets"):
        datasets.disable_progress_bars()
        datasets.utils.logging.set_verbosity_error()
    if transformers := sys.modules.get("transformers"):
        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # what a CPU could have besides
    warnings.filterwarnings("ignore", module="transformers")
    warnings.filterwarnings("ignore", message="IProgress not found")  # tqdm in a notebook
