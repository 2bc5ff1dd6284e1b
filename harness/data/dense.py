"""Dense retrieval (optional): cosine between mean-pooled encodings of document and query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.data.retrieval import best_first
from harness.data.tasks import Task
from harness.errors import UsageError
from harness.inputs.hub_access import asked_once
from harness.statistics import Array
from harness.types import Example

if TYPE_CHECKING:
    from torch import Tensor


class Encoder:
    """A transformers encoder with its tokenizer, on the CPU.

    `model` is a folder or hub name. Texts are cut at the encoder's maximum length. Vectors are
    cached by text. Raises UsageError, naming the `setting`, if the encoder cannot be loaded.
    """

    def __init__(self, model: str, setting: str, batch_size: int = 32) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.batch_size = batch_size
        try:
            with asked_once(model):
                self.tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
                self.encoder = AutoModel.from_pretrained(
                    model, trust_remote_code=False, use_safetensors=True
                ).eval()
        except Exception as error:  # of any library that reads a part of it
            first_line = str(error).partition("\n")[0]
            raise UsageError(
                f"{setting} = {model}: {type(error).__name__}: {first_line}\n"
                "expected a folder or hub name of an encoder with safetensors weights and tokenizer"
            ) from error
        self._vectors: dict[str, Tensor] = {}

    def encode(self, texts: Sequence[str]) -> Array:
        """The texts' unit vectors [N,D]."""
        return np.array([vector.tolist() for vector in self.vectors(texts)], np.float64)

    def vectors(self, texts: Sequence[str]) -> list[Tensor]:
        """The texts' unit vectors [D], in order."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        for start in range(0, len(missing), self.batch_size):
            batch = missing[start : start + self.batch_size]
            self._vectors.update(zip(batch, self._encode(batch), strict=True))
        return [self._vectors[text] for text in texts]

    def _encode(self, texts: list[str]) -> Tensor:
        """Normalised mean of the last hidden states over real tokens: [B,D]."""
        import torch

        longest = min(
            self.tokenizer.model_max_length,
            getattr(self.encoder.config, "max_position_embeddings", 512),
        )
        batch = self.tokenizer(
            texts, padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(self.encoder.device)
        with torch.inference_mode():
            states = self.encoder(**batch).last_hidden_state
        real = batch["attention_mask"][..., None].bool()
        total = torch.where(real, states, 0).sum(dim=1)
        mean = total / real.sum(dim=1).clamp(min=1)
        return torch.nn.functional.normalize(mean, dim=-1).cpu()


def dense_order(encoder: Encoder, task: Task, example: Example) -> list[int]:
    """The indices of the profile's entries by falling cosine with the input.

    Ties keep the profile's order. LongLaMP's encoder is facebook/contriever.
    """
    if not example.profile:
        return []
    documents = [task.retrieved(entry) for entry in example.profile]
    *entries, query = encoder.vectors([*documents, task.query(example.input)])
    return best_first([float(entry @ query) for entry in entries])
