"""Encoders (optional): mean-pooled texts for dense retrieval and style, vectors of their tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.data.retrieval import best_first
from harness.data.tasks import Task
from harness.errors import UsageError
from harness.inputs.hub_access import asked_once
from harness.statistics import Array
from harness.types import Example

if TYPE_CHECKING:
    from torch import Tensor

SPACE_BEFORE = ("roberta", "gpt2", "bart", "longformer")
"""Models whose tokenizer sees a first word as any other only after a space, as bert-score does."""

SENTENCES = "sentence_bert_config.json"
"""Where sentence-transformers keeps `max_seq_length`, often below what the model can read."""


@dataclass(frozen=True)
class TokenVectors:
    """A text's tokens.

    vectors: [T,D], of length 1.
    words: [T], False for the tokens that mark beginning and end.
    """

    vectors: Array
    words: NDArray[np.bool_]


class Encoder:
    """A transformers encoder with its tokenizer, on the CPU in float32.

    model: folder or hub name.
    setting: what to name in errors.
    batch_size: texts encoded together.

    Weights stored in half precision are converted: their cosines would be rounded until most of
    them tie. Texts are cut at `longest` tokens. Vectors are cached by text. Raises UsageError if
    the encoder cannot be loaded, or cannot encode.
    """

    fingerprint = ""
    """Of the model's files, for signatures; empty where nobody hashed them."""

    def __init__(self, model: str, setting: str, batch_size: int = 32) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        self.batch_size = batch_size
        try:
            with asked_once(model):
                self.tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
                self.encoder = AutoModel.from_pretrained(
                    model, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
                ).eval()
                self.longest = self._longest(model)
            if self.tokenizer.pad_token is None:  # the mask hides what is padded
                self.tokenizer.pad_token = self.tokenizer.eos_token
            self._encode(["two", "texts of unlike lengths"])
        except Exception as error:  # of any library that reads a part of it
            first_line = str(error).partition("\n")[0]
            raise UsageError(
                f"{setting} = {model}: {type(error).__name__}: {first_line}\n"
                "expected a folder or hub name of an encoder with safetensors weights and tokenizer"
            ) from error
        self.layers = int(getattr(self.encoder.config, "num_hidden_layers", 0))
        self._vectors: dict[str, Tensor] = {}

    def _longest(self, model: str) -> int:
        """Tokens that the tokenizer, the positions and sentence-transformers' file allow."""
        from transformers.utils.hub import cached_file

        found = cached_file(
            model,
            SENTENCES,
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        limits = json.loads(Path(found).read_text(encoding="utf-8")) if found else {}
        positions = self._positions()
        return int(
            min(
                self.tokenizer.model_max_length,
                positions,
                limits.get("max_seq_length") or positions,
            )
        )

    def _positions(self) -> int:
        """Tokens that the encoder has positions for.

        RoBERTa and its like keep the first rows of their table for padding: they count positions
        from `padding_idx` + 1, and their table of positions has a `padding_idx`. BERT's has none.
        """
        rows = int(getattr(self.encoder.config, "max_position_embeddings", 512))
        for name, module in self.encoder.named_modules():
            padding = getattr(module, "padding_idx", None)
            if name.rpartition(".")[2] == "position_embeddings" and padding is not None:
                return rows - (int(padding) + 1)
        return rows

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

        batch = self._batch(texts)
        with torch.inference_mode():
            states = self.encoder(**batch).last_hidden_state
        real = batch["attention_mask"][..., None].bool()
        total = torch.where(real, states, 0).sum(dim=1)
        mean = total / real.sum(dim=1).clamp(min=1)
        return torch.nn.functional.normalize(mean, dim=-1).cpu()

    def _batch(self, texts: list[str]) -> Any:
        """Padded token ids and attention mask."""
        return self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.longest, return_tensors="pt"
        ).to(self.encoder.device)

    def token_vectors(self, texts: Sequence[str], layer: int) -> list[TokenVectors]:
        """The vectors of each text's tokens after `layer`; 0 is the embeddings."""
        import torch

        prefix = " " if self.encoder.config.model_type in SPACE_BEFORE else ""
        ends = [self.tokenizer.cls_token_id, self.tokenizer.sep_token_id]
        found: list[TokenVectors] = []
        for start in range(0, len(texts), self.batch_size):
            batch = self._batch(
                [prefix + text.strip() for text in texts[start : start + self.batch_size]]
            )
            with torch.inference_mode():
                states = self.encoder(**batch, output_hidden_states=True).hidden_states[layer]
            unit = torch.nn.functional.normalize(states, dim=-1).cpu().numpy()
            ids, real = (batch[name].cpu().numpy() for name in ("input_ids", "attention_mask"))
            for row, mask, tokens in zip(unit, real.astype(bool), ids, strict=True):
                words = ~np.isin(tokens[mask], [end for end in ends if end is not None])
                found.append(TokenVectors(row[mask].astype(np.float64), words))
        return found


def dense_order(encoder: Encoder, task: Task, example: Example) -> list[int]:
    """The indices of the profile's entries by falling cosine with the input.

    Ties keep the profile's order. LongLaMP's encoder is facebook/contriever.
    """
    if not example.profile:
        return []
    documents = [task.retrieved(entry) for entry in example.profile]
    *entries, query = encoder.vectors([*documents, task.query(example.input)])
    return best_first([float(entry @ query) for entry in entries])
