"""Peaks of memory by device, and a first token behind hidden text."""

import sys

import psutil
import pytest
import torch

from harness.engine import timing
from harness.engine.timing import MIB, DecodeClock, PeakMemory, middle

CPU = [torch.device("cpu")]


class Process:
    """Resident memory that goes up and down, a reading at a time."""

    def __init__(self, *mib):
        self.left = list(mib)

    def memory_info(self):
        return type("Info", (), {"rss": self.left.pop(0) * MIB})


def test_the_peak_of_a_cpu_is_the_highest_reading_the_last_included(monkeypatch):
    process = Process(100, 900, 300, 950)
    monkeypatch.setattr(timing.psutil, "Process", lambda: process)
    memory = PeakMemory(CPU)

    def wait(seconds):
        return len(process.left) == 1  # closed: one reading more

    monkeypatch.setattr(memory._closed, "wait", wait)
    with memory:
        memory._thread.join()
    assert memory.peak_mib == 950


def test_a_model_on_the_cpu_is_measured_there_though_a_gpu_is_by(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda index: 0)
    with PeakMemory(CPU) as memory:
        pass
    assert memory.peak_mib > 50  # Python and PyTorch alone are more


def test_the_peak_of_gpus_is_their_allocators_sum_told_at_any_time(monkeypatch):
    allocated, begun = {0: 10 * MIB, 1: 5 * MIB, 2: 1000 * MIB}, []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", begun.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda index: allocated[index])
    where = [torch.device("cuda"), torch.device("cuda:1"), torch.device("cuda:1")]
    with PeakMemory(where) as memory:
        assert begun == [0, 1]
        assert memory.peak_mib == 15
        allocated[0] = 20 * MIB
        assert memory.peak_mib == 25
    allocated[0] = 99 * MIB  # what came after is another's
    assert memory.peak_mib == 25


def test_a_first_visible_token_waits_for_hidden_text():
    clock = DecodeClock()
    clock.add(first=1.0, rest=4.0, steps=2, tokens=3)
    clock.add(first=2.0, rest=0.0, steps=0, tokens=1)
    clock.waited(5.0)
    # first tokens at 1 and 2 + 5 seconds; the one batch with steps: 4 s over 2
    assert middle(clock.first)[0] == pytest.approx(4.0)
    assert middle(clock.per_step)[0] == 2.0
    assert clock.total == 7.0  # the visible text alone


@pytest.mark.skipif(sys.platform != "linux", reason="only there can memory be handed back")
def test_what_an_earlier_phase_freed_is_no_part_of_a_peak():
    blocks = [torch.ones(20_000) for _ in range(5_000)]  # 381 MiB, too small each to be mapped
    pin = torch.ones(20_000)  # above them on the heap
    del blocks
    before = psutil.Process().memory_info().rss / MIB
    timing.return_freed_memory()
    with PeakMemory(CPU) as memory:
        pass
    assert memory.peak_mib < before - 250
    assert pin.sum() == 20_000
