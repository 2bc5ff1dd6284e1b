"""The lean step for one new column on a GPU: one CUDA graph, started once a step.

A step there is bound by the host, which starts each kernel (docs/performance.md). A graph has fixed
buffers and shapes, so its column is a number on the device, and it reads all columns of the
buffers: those that no row has yet are masked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.engine.lean_state import bias_of

if TYPE_CHECKING:
    from harness.engine.lean_state import LeanState
    from harness.engine.lean_step import LeanDecoder


ALIGNED = 16
"""Columns of which the mask's rows have a multiple: attention would copy other masks."""


class GraphedColumn:
    """Steps of one column for the rows of `state`, as long as it has the same buffers.

    M models, B rows of each, R = M·B; K key-value heads, C columns. On a CPU, where there are no
    graphs, the same kernels are called one by one.
    """

    def __init__(self, decoder: LeanDecoder, state: LeanState) -> None:
        models, device = decoder.models, decoder.norm.device
        rows, width = len(state.lengths) // models, decoder.norm.size(-1)
        self.decoder, self.rope = decoder, state.rope
        columns = -(-state.capacity // ALIGNED) * ALIGNED
        self.columns = torch.arange(columns, device=device)
        # 1. What a step reads: embeddings, the rows' lengths, and the column that it writes
        self.embeddings = decoder.norm.new_zeros(models, rows, 1, width)
        self.lengths = state.lengths.clone()
        self.column = torch.full((1,), state.end, device=device)
        # 2. The buffers, all of whose columns are in use as far as attention knows
        self.buffers = replace(state, end=state.capacity - 1, bias=None, column=None)
        # 3. The kernels, and where they leave the hidden states
        self.hidden = torch.empty_like(self.embeddings)
        self.replay: Callable[[], None] = self._run
        if device.type == "cuda":
            self.replay = _captured(self._run, device)

    def __call__(self, embeddings: Tensor, state: LeanState) -> Tensor:
        """Append a column [M,B,1,D], for which `state` has room: hidden [M,B,1,D]."""
        self.embeddings.copy_(embeddings)
        self.lengths.copy_(state.lengths)
        self.column.fill_(state.end)
        self.replay()
        return self.hidden.clone()

    def _run(self) -> None:
        begin = self.column - self.lengths[:, None]
        unseen = (self.columns < begin) | (self.columns > self.column)
        self.buffers.bias = bias_of(unseen, self.buffers.keys[0])
        rope = self.rope[self.lengths[:, None]][..., None, :]
        hidden = self.decoder.read(self.embeddings, self.buffers, rope, self.column)
        self.hidden.copy_(hidden)


def _captured(run: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """The kernels of `run` as one graph. They run once before, as libraries need at first use."""
    graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        run()
        graph.capture_begin(capture_error_mode="thread_local")
        run()
        graph.capture_end()
    torch.cuda.current_stream(device).wait_stream(side)
    return graph.replay
