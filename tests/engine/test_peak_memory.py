"""Peak memory by device."""

import sys
from contextlib import nullcontext
from types import SimpleNamespace

import psutil
import pytest
import torch

from flythinker.shared_model import SharedThinkerLM
from harness.engine import CausalLM, peak_memory
from harness.engine import train as train_module
from harness.engine.peak_memory import MIB, PeakMemory, freed_memory_returned
from harness.settings import ModelSettings
from tests.support.tiny import tiny
from tests.support.training import ROWS, SETTINGS

CPU = [torch.device("cpu")]


class Process:
    """Resident memory that changes with each sample."""

    def __init__(self, *mib):
        self.left = list(mib)

    def memory_info(self):
        return type("Info", (), {"rss": self.left.pop(0) * MIB})


def test_the_peak_on_a_cpu_is_the_highest_sample_including_the_last(monkeypatch):
    process = Process(100, 900, 300, 950)
    monkeypatch.setattr(peak_memory.psutil, "Process", lambda: process)
    memory = PeakMemory(CPU)

    def wait(seconds):
        return len(process.left) == 1  # closed: one more sample

    monkeypatch.setattr(memory._closed, "wait", wait)
    with memory:
        memory._thread.join()
    assert memory.peak_mib == 950


def test_a_model_on_the_cpu_is_measured_there_even_if_there_is_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda index: 0)
    with PeakMemory(CPU) as memory:
        pass
    assert memory.peak_mib > 50  # Python and PyTorch alone take more


def test_the_peak_of_gpus_is_the_sum_of_their_allocators_at_any_time(monkeypatch):
    allocated, resets = {0: 10 * MIB, 1: 5 * MIB, 2: 1000 * MIB}, []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", resets.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda index: allocated[index])
    where = [torch.device("cuda"), torch.device("cuda:1"), torch.device("cuda:1")]
    with PeakMemory(where) as memory:
        assert resets == [0, 1]
        assert memory.peak_mib == 15
        allocated[0] = 20 * MIB
        assert memory.peak_mib == 25
    allocated[0] = 99 * MIB  # later allocations do not count
    assert memory.peak_mib == 25


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can return memory")
def test_memory_freed_by_an_earlier_phase_does_not_count_in_a_peak():
    blocks = [torch.ones(20_000) for _ in range(5_000)]  # 381 MiB in blocks too small to be mapped
    pin = torch.ones(20_000)  # above them on the heap
    del blocks
    before = psutil.Process().memory_info().rss / MIB
    peak_memory.return_freed_memory()
    with PeakMemory(CPU) as memory:
        pass
    assert memory.peak_mib < before - 250
    assert pin.sum() == 20_000


@pytest.mark.parametrize("enabled", [True, False])
def test_large_blocks_are_mapped_by_themselves_while_freed_memory_is_returned(enabled, monkeypatch):
    sizes = []
    library = SimpleNamespace(
        mallopt=lambda name, size: sizes.append((name, size)), malloc_trim=lambda pad: None
    )
    monkeypatch.setattr(peak_memory.sys, "platform", "linux")
    monkeypatch.setattr(peak_memory.ctypes, "CDLL", lambda name: library)
    with freed_memory_returned(enabled):
        assert sizes == [(-3, 256 << 10)] * enabled
    assert sizes == [(-3, 256 << 10), (-3, 32 << 20)] * enabled


def test_flythinker_shared_trains_with_freed_memory_returned(monkeypatch):
    asked = []

    def seen(enabled):
        asked.append(enabled)
        return nullcontext()

    monkeypatch.setattr(train_module, "freed_memory_returned", seen)
    lora = ModelSettings(lora_rank=4)
    shared = [SharedThinkerLM(tiny(), lora, recompute=recompute) for recompute in (False, True)]
    for lm in (CausalLM(tiny()), *shared):
        train_module.train(lm, ROWS[:1], SETTINGS, lr=0.0, seed=0, epochs=1)
    assert asked == [False, False, True]
