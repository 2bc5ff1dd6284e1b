"""Two passes at once: on two CPU threads, on two devices, or on two streams of one GPU."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from torch import Tensor


@cache
def _other_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="reasoner")


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def both_at_once(
    predict: Callable[[], Tensor],
    reason: Callable[[], Tensor],
    here: torch.device,
    there: torch.device,
) -> tuple[Tensor, Tensor]:
    """Start both passes and wait for both: (logits, the reasoner's hidden states).

    Uses two CPU threads, two devices, or two streams on one GPU.

    Args:
        predict: the generator's pass.
        reason: the reasoner's pass.
        here: the generator's device.
        there: the reasoner's device.
    """
    # 1. CPU: the reasoner in another thread
    if here.type == "cpu" and there.type == "cpu":
        mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad

        def in_mode() -> Tensor:  # a thread does not inherit gradient modes
            with mode():
                return reason()

        waiting = _other_thread().submit(in_mode)
        return predict(), waiting.result()
    # 2. Two devices: kernels are queued, so they overlap by themselves
    if here != there:
        hidden = reason()
        return predict(), hidden
    # 3. One GPU: the reasoner on a side stream
    main, side = torch.cuda.current_stream(here), _side_stream(here)
    side.wait_stream(main)
    with torch.cuda.stream(side):
        hidden = reason()
    logits = predict()
    main.wait_stream(side)
    hidden.record_stream(main)
    return logits, hidden
