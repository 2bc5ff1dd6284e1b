"""Devices and number types, as far as a machine without a GPU can test them."""

import pytest
import torch

from harness.engine import CausalLM
from harness.engine.devices import cast, devices, number_type, place
from harness.engine.train import precision, train
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.tiny import tiny
from tests.support.training import ROWS, SETTINGS, fly

CPU = torch.device("cpu")


class Launched:
    """accelerate's state in one of two processes."""

    num_processes = 2
    device = CPU


def test_a_run_launched_as_several_processes_is_refused(monkeypatch):
    monkeypatch.setattr("harness.engine.devices.PartialState", Launched)
    with pytest.raises(UsageError, match=r"2 processes were launched; expected one"):
        devices(ModelSettings())


def test_auto_is_the_cpu_without_cuda(monkeypatch):
    class Laptop:
        num_processes = 1
        device = torch.device("mps")

    monkeypatch.setattr("harness.engine.devices.PartialState", Laptop)
    assert devices(ModelSettings()) == [CPU]


def test_more_devices_than_models_are_refused():
    with pytest.raises(UsageError, match=r"3 devices; expected at most 2, for generator"):
        devices(ModelSettings(device="cpu,cpu,cpu"))


def test_weights_are_cast_and_frequencies_stay():
    lm = CausalLM(tiny())
    rotary = lm.model.model.rotary_emb
    known = rotary.inv_freq.clone()
    cast(lm, torch.bfloat16)
    assert {part.dtype for part in lm.parameters()} == {torch.bfloat16}
    assert rotary.inv_freq.dtype is torch.float32
    assert torch.equal(rotary.inv_freq, known)
    assert lm.model.lm_head.weight.dtype is torch.bfloat16
    logits, _ = lm.prefill([[1, 2, 3]])
    assert logits.isfinite().all()


def test_the_first_device_is_the_generators():
    assert devices(ModelSettings(device="cpu, meta")) == [CPU, torch.device("meta")]


@pytest.mark.parametrize(
    ("asked", "device", "capable", "given"),
    [
        ("auto", "cpu", True, torch.float32),
        ("auto", "cuda", True, torch.bfloat16),
        ("auto", "cuda", False, torch.float32),
        ("bfloat16", "cpu", False, torch.bfloat16),
        ("float32", "cuda", True, torch.float32),
    ],
)
def test_bf16_is_used_on_devices_that_support_it(monkeypatch, asked, device, capable, given):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: capable)
    assert number_type(ModelSettings(dtype=asked), torch.device(device)) is given


def test_a_reasoner_goes_to_the_second_device():
    lm = fly()
    place(lm, [CPU, torch.device("meta")])
    assert {part.device.type for part in lm.generator.parameters()} == {"cpu"}
    assert {part.device.type for part in lm.reasoner.parameters()} == {"meta"}


def test_bf16_is_autocast_over_fp32_weights():
    with precision(CPU, torch.bfloat16):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16
    with precision(CPU, torch.float32):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
    lm = CausalLM(tiny())
    log = train(lm, ROWS, SETTINGS, lr=1e-2, seed=0, dtype=torch.bfloat16)
    assert {part.dtype for part in lm.parameters()} == {torch.float32}
    assert log.curve[-1].loss < log.curve[0].loss
