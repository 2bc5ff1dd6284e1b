"""Checkpoints of several processes: each saves what it holds, in the background.

Tensors lie in safetensors files as torch.distributed.checkpoint writes them, a file a process; any
number of processes reads them, and the checkpoints of one process too.
"""

from __future__ import annotations

import dataclasses
import shutil
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.engine.checkpoint import (
    PROGRESS,
    Progress,
    TrainLog,
    draft_folder,
    moments,
    replace_checkpoint,
)
from harness.engine.ranks import Ranks
from harness.engine.weight_files import file_digest, saved_tensors, unfit
from harness.record import write_state
from harness.record.durable import sync_path


class ShardSaver:
    """Saves checkpoints in the background, one at a time; every method is a collective.

    ranks: the processes.
    """

    def __init__(self, ranks: Ranks) -> None:
        from torch.distributed import new_group

        self.ranks = ranks
        # a group of its own: the background's messages do not mix with those of the training
        self._group = new_group(backend="gloo")
        self._pending: tuple[Future[Any], Path, TrainLog] | None = None

    @property
    def written(self) -> bool:
        """Whether this process has written a checkpoint that is not in its place yet."""
        return self._pending is not None and self._pending[0].done()

    def begin(
        self, folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer, log: TrainLog
    ) -> None:
        """Copy the state to the CPU and begin to write it, after the one before is in its place."""
        from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
        from torch.distributed.checkpoint.state_dict_saver import async_save

        self.finish()
        draft = draft_folder(folder)
        if self.ranks.first:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        self.ranks.share(None)  # nobody writes before the folder is there
        writer = HuggingFaceStorageWriter(str(draft), save_distributed=True)
        tensors = saved_tensors(lm) | moments(optimizer)
        future = async_save(tensors, storage_writer=writer, process_group=self._group)
        assert isinstance(future, Future)
        self._pending = future, folder, dataclasses.replace(log, curve=list(log.curve))

    def finish(self) -> None:
        """Wait for the checkpoint that is being written, and put it in the place of the old one.

        Raises OSError where it could not be written; the old one then stays.
        """
        if self._pending is None:
            return
        (future, folder, log), self._pending = self._pending, None
        failed = future.exception()
        if self.ranks.any(failed is not None):
            if self.ranks.first:
                shutil.rmtree(draft_folder(folder), ignore_errors=True)
            raise OSError(f"{folder}: {failed or 'another process could not write its part'}")
        if self.ranks.first:
            draft = draft_folder(folder)
            files = sorted(draft.glob("*.safetensors"))
            for file in files:
                sync_path(file)
            digests = {file.name: file_digest(file) for file in files}
            write_state(draft / PROGRESS, Progress(log, digests))
            replace_checkpoint(folder)


def load_shards(folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Restore model and optimizer from a checkpoint of any number of processes. A collective.

    Each process reads what it holds, from a folder that all of them see. Raises DataError where the
    tensors are not those of the model.
    """
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    reader = HuggingFaceStorageReader(str(folder))
    stored = set(reader.read_metadata().state_dict_metadata)
    # 1. The model's tensors by the names in the files: a tied one may have either of its names
    names: dict[int, list[str]] = {}
    tensors = lm.state_dict(keep_vars=True)
    for name, tensor in tensors.items():
        names.setdefault(id(tensor), []).append(name)
    wanted = saved_tensors(lm)
    state: dict[str, Tensor] = {}
    for name, tensor in wanted.items():
        known = [alias for alias in names[id(tensors[name])] if alias in stored]
        if not known:
            raise unfit(folder, f"no tensor {name}")
        state[known[0]] = tensor
    # 2. The optimizer's, which has none before its first step
    kept: dict[int, dict[str, Tensor]] = {}
    parts = [part for group in optimizer.param_groups for part in group["params"]]
    for name in sorted(stored):
        index, _, moment = name.partition(".")
        if index.isdecimal():
            shape = torch.zeros((), dtype=torch.float32) if moment == "step" else None
            value = torch.zeros_like(parts[int(index)]) if shape is None else shape
            kept.setdefault(int(index), {})[moment] = state[name] = value.detach()
    # 3. Read them in place
    load(state, storage_reader=reader)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": kept})
