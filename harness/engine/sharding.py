"""Training a model of which each process holds a part (FSDP2): parameters, gradients, moments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from harness.engine.four_bits import refuse_four_bits
from harness.engine.lean_models import forget
from harness.engine.lm import PersonalLM, causal_lms
from harness.engine.ranks import Ranks, is_shard
from harness.errors import UsageError


@contextmanager
def sharded(lm: PersonalLM, ranks: Ranks) -> Iterator[PersonalLM]:
    """Inside, a copy of `lm` whose parameters are divided among the processes; `lm` has none.

    Afterwards `lm` has them whole again, with the values of the copy. After an error it stays
    without. Each layer of each causal LM is gathered for its own pass alone; what lies outside the
    layers (embeddings, head, norms) for the whole pass. Parameters without a dimension stay whole.

    Raises UsageError for a model whose layers share parameters.
    """
    copy = _divided(lm, ranks)
    for part in lm.parameters():
        if part.ndim:
            part.data = part.data.new_empty(0)
    yield copy
    for part, trained in zip(lm.parameters(), copy.parameters(), strict=True):
        part.data = whole(trained).detach()
        part.grad = None


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor of which this process may hold a part. A collective."""
    shard: Any = tensor
    full: Tensor = shard.full_tensor() if is_shard(tensor) else tensor
    return full


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor."""
    shard: Any = tensor
    held: Tensor = shard.to_local() if is_shard(tensor) else tensor
    return held


def _divided(lm: PersonalLM, ranks: Ranks) -> PersonalLM:
    """A copy of the modules of `lm`, whose parameters are the shards of its own."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    for _, model in causal_lms(lm):  # a decoder would be copied with all its weights
        forget(model)
    copy: PersonalLM = deepcopy(lm, {id(part): part for part in lm.parameters()})
    layers, scalars = _layers(copy), {part for part in copy.parameters() if part.ndim == 0}
    mesh = init_device_mesh(next(lm.parameters()).device.type, (ranks.count,))
    for layer in layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(copy, mesh=mesh, ignored_params=scalars)
    for part in copy.modules():
        if isinstance(part, FSDPModule):
            part.set_gradient_divide_factor(1.0)  # the loss is a share of the step's already
            part.set_force_sum_reduction_for_comms(True)  # gloo knows no other
    return copy


def _layers(lm: PersonalLM) -> list[nn.Module]:
    """The decoder layers of each causal LM in `lm`, by the names that transformers gives them."""
    refuse_four_bits(lm, "train.sharding=full")
    found, owners = list[nn.Module](), dict[int, nn.Module]()
    for _, model in causal_lms(lm):
        names: Any = getattr(model, "_no_split_modules", None) or ()
        for part in model.modules():
            if type(part).__name__ not in names:
                continue
            if any(owners.setdefault(id(each), part) is not part for each in part.parameters()):
                raise UsageError(
                    f"train.sharding=full: layers of {type(lm).__name__} share parameters; expected"
                    " layers of their own in each model\n  mend      --set train.sharding=none"
                )
            found.append(part)
    return found


def norms(lm: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Norms of the gradients that this process has whole, and of its parts of the others."""
    kinds: tuple[list[Tensor], list[Tensor]] = ([], [])
    for part in lm.parameters():
        if part.grad is not None:
            kinds[is_shard(part.grad)].append(local(part.grad).norm())
    return kinds


def clip_gradients(lm: nn.Module, most: float, norm: Tensor) -> None:
    """Scale all gradients of `lm`, whose norm is `norm`, so that their norm is at most `most`."""
    if not any(map(is_shard, lm.parameters())):
        nn.utils.clip_grads_with_norm_(lm.parameters(), most, norm)
        return
    factor = (most / (norm + 1e-6)).clamp(max=1.0)  # as there
    for part in lm.parameters():
        if part.grad is not None:
            local(part.grad).mul_(factor)
