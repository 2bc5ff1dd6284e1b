"""A judge from a folder: any causal language model, answering greedily on this machine."""

from __future__ import annotations

import time

from harness.engine.text import decode, encode_prompt
from harness.errors import HarnessError
from harness.inputs.models import model_sha256
from harness.judges.endpoint import CUT_OFF, MAX_TOKENS, Answer
from harness.pipeline.evaluate.metric_models import language_model


class LocalJudge:
    """A backbone's name, a folder or a hub name. Raises UsageError if it cannot be loaded."""

    parallel = 1
    address: str | None = None

    def __init__(self, model: str) -> None:
        self._model = language_model(model)
        self.name = f"{model.rstrip('/').rpartition('/')[2]}@{model_sha256(model)[:12]}"

    def ask(self, prompt: str) -> Answer:
        """The greedy answer to one prompt."""
        began, tokenizer = time.monotonic(), self._model.tokenizer
        asked = len(encode_prompt(tokenizer, prompt))
        try:
            (ids,) = self._model.answer_ids([prompt], MAX_TOKENS)
        except (HarnessError, IndexError, RuntimeError) as error:  # longer than its positions
            detail = f"{type(error).__name__}: {error}"[:200]
            return Answer(None, "request refused", detail, seconds=time.monotonic() - began)
        failure, detail = CUT_OFF if len(ids) == MAX_TOKENS else (None, "")
        return Answer(
            decode(tokenizer, ids), failure, detail, asked, len(ids), time.monotonic() - began
        )
