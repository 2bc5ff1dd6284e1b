"""The processes of a run: what each of them is, and everything that they do together.

Alone, nothing here does anything. In several processes every method of `Ranks` is a collective: all
processes call it, in the same order. Objects and numbers go through gloo, so that no process waits
on a GPU; tensors through nccl where they are on one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")
BUCKET = 1 << 26
"""Most numbers that are summed at a time: 256 MiB in float32."""
PATIENCE = timedelta(days=7)
"""How long a process waits for the others: the first one scores and writes meanwhile. One that
ended closes its connections, which the others notice at once."""


@dataclass
class Ranks:
    """The processes of a run, as one of them sees them.

    index: which one this is, from 0. count: how many there are.
    local, local_count: the same among those on this machine.
    left: whether this one has closed its connections.
    """

    index: int = 0
    count: int = 1
    local: int = 0
    local_count: int = 1
    left: bool = False

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, prints and decides."""
        return self.index == 0

    def share(self, value: T) -> T:
        """The first process's value."""
        if self.count == 1:
            return value
        from torch.distributed import broadcast_object_list

        values = [value if self.first else None]
        broadcast_object_list(values, src=0)
        return values[0]  # type: ignore[return-value]

    def gather(self, value: T) -> list[T]:
        """Each process's value, in order; in the first process alone, the others get nothing."""
        if self.count == 1:
            return [value]
        from torch.distributed import gather_object

        values: list[Any] | None = [None] * self.count if self.first else None
        gather_object(value, values, dst=0)
        return values or []

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sums over all processes, in float64."""
        if self.count == 1:
            return list(values)
        from torch.distributed import all_reduce

        total = torch.tensor(values, dtype=torch.float64)
        all_reduce(total)
        summed: list[float] = total.tolist()
        return summed

    def any(self, value: bool) -> bool:
        """Whether it is true in any process."""
        return self.sum([value])[0] > 0

    def sum_gradients(self, parts: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its sum over all processes.

        A missing gradient counts as zero; one that is missing everywhere stays missing, so that the
        optimizer leaves its parameter alone. Shards are left out: FSDP has summed their gradients.
        """
        if self.count == 1:
            return
        from torch.distributed import all_reduce

        whole = [part for part in parts if part.requires_grad and not is_shard(part)]
        there = torch.tensor([part.grad is not None for part in whole], dtype=torch.int32)
        all_reduce(there)
        summed = [part for part, some in zip(whole, there.tolist(), strict=True) if some]
        for bucket in _buckets(summed):
            found = [p.grad if p.grad is not None else torch.zeros_like(p) for p in bucket]
            flat = torch.cat([gradient.reshape(-1) for gradient in found])
            all_reduce(flat)
            for part, sums in zip(bucket, flat.split([p.numel() for p in bucket]), strict=True):
                part.grad = sums.view_as(part)

    def share_tensors(self, tensors: Iterable[Tensor]) -> None:
        """Give tensors the first process's values, in place; through the CPU, one at a time."""
        if self.count == 1:
            return
        from torch.distributed import broadcast

        for tensor in tensors:
            values = tensor.detach().cpu().contiguous()
            broadcast(values, src=0)
            if not self.first:
                tensor.detach().copy_(values)

    def leave(self) -> None:
        """Close the connections: processes that wait for this one end with an error."""
        if self.count > 1:
            from torch.distributed import destroy_process_group, is_initialized

            self.left = True
            if is_initialized():
                destroy_process_group()


def is_shard(tensor: Tensor) -> bool:
    """Whether this process has only a part of it (a DTensor)."""
    return hasattr(tensor, "full_tensor")


def share_out(sizes: Sequence[int], count: int) -> list[list[int]]:
    """Which pieces of work each of `count` processes takes: the largest first, to the idlest one.

    sizes: of the pieces. Returns indices, in rising order; a process may have none.
    """
    given: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for piece in sorted(range(len(sizes)), key=lambda at: (-sizes[at], at)):
        idlest = loads.index(min(loads))
        given[idlest].append(piece)
        loads[idlest] += sizes[piece]
    return [sorted(pieces) for pieces in given]


def _buckets(parts: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Parameters in groups of one number type and device, of at most BUCKET numbers."""
    kinds: dict[tuple[torch.dtype, torch.device], list[nn.Parameter]] = {}
    for part in parts:
        kinds.setdefault((part.dtype, part.device), []).append(part)
    for same in kinds.values():
        bucket, held = list[nn.Parameter](), 0
        for part in same:
            if bucket and held + part.numel() > BUCKET:
                yield bucket
                bucket, held = [], 0
            bucket.append(part)
            held += part.numel()
        yield bucket


def join(environment: Mapping[str, str] = os.environ) -> Ranks:
    """Join the processes that a launcher started (`--processes`, torchrun, accelerate launch).

    environment: where the launcher left their numbers. Waits until all of them are there.
    """
    count = int(environment.get("WORLD_SIZE", "1") or 1)
    if count == 1:
        return Ranks()
    from torch.distributed import init_process_group, is_initialized

    index = int(environment["RANK"])
    local = int(environment.get("LOCAL_RANK", index))
    gpus = torch.cuda.is_available()
    if gpus and local < torch.cuda.device_count():
        torch.cuda.set_device(local)
    if not is_initialized():
        init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=PATIENCE)
    return Ranks(index, count, local, int(environment.get("LOCAL_WORLD_SIZE", count)))
