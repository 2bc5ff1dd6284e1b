"""Silence the libraries' progress bars and notices, which would mix with ours."""

from __future__ import annotations

import os
import warnings


def quiet_libraries() -> None:
    """Silence progress bars and warnings of transformers and datasets; errors are still shown."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import datasets
    import transformers

    datasets.disable_progress_bars()
    datasets.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", module="transformers")
