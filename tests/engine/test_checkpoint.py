"""Damaged, full and interrupted: what a training does about its checkpoints and its memory."""

import gc
import os
import signal
import weakref

import pytest
import torch
from safetensors import SafetensorError

from harness.engine import checkpoint as checkpoint_module
from harness.engine import generate
from harness.engine.backbone import Backbones, weights_fingerprint
from harness.engine.checkpoint import TrainLog, draft_folder, load_checkpoint, save_checkpoint
from harness.engine.lean_models import choice_of
from harness.engine.lm import CausalLM, causal_lms
from harness.engine.micro_batches import TokenBudget
from harness.engine.ranks import Ranks
from harness.engine.saver import Saver
from harness.engine.train import train
from harness.engine.trial import refuse_wrong_ways
from harness.engine.weight_files import load_weights, same_file, save_weights
from harness.errors import UsageError
from harness.interruption import Stopped
from harness.settings import ModelSettings
from tests.support.tiny import tiny
from tests.support.training import ROWS, SETTINGS, fly

OFTEN = SETTINGS.model_copy(update={"checkpoint_minutes": 1e-9})


class StopNowError(Exception):
    pass


def stop_after(steps):
    def on_step(done, total, step, log):
        if done > steps:
            raise StopNowError

    return on_step


def losses(log):
    return [step.loss for step in log.curve]


@pytest.fixture(scope="module")
def known():
    return losses(train(fly(), ROWS, SETTINGS, lr=1e-2, seed=3))


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "progress.json"])
@pytest.mark.parametrize("damage", ["zeroed", "cut", "gone"])
def test_a_damaged_checkpoint_is_said_once_and_the_steps_are_done_again(
    tmp_path, known, name, damage
):
    folder, said = tmp_path / "c", []
    with pytest.raises(StopNowError):
        train(fly(), ROWS, OFTEN, lr=1e-2, seed=3, checkpoint=folder, on_step=stop_after(2))
    content = (folder / name).read_bytes()
    middle = len(content) // 2
    if damage == "gone":
        (folder / name).unlink()
    else:
        rest = bytes(40) + content[middle + 40 :] if damage == "zeroed" else b""
        (folder / name).write_bytes(content[:middle] + rest)
    log = train(fly(), ROWS, SETTINGS, lr=1e-2, seed=3, checkpoint=folder, say=said.append)
    assert losses(log) == known
    assert len(said) == (0 if (name, damage) == ("progress.json", "gone") else 1)
    assert not folder.exists()


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.safetensors", "progress.json", None]
)
def test_a_kill_while_the_old_checkpoint_is_removed_leaves_the_new_one(tmp_path, monkeypatch, name):
    folder, lm, remove = tmp_path / "c", fly(), checkpoint_module.shutil.rmtree
    optimizer = torch.optim.AdamW(lm.parameters())
    save_checkpoint(folder, lm, optimizer, TrainLog(tokens=1))

    def killed(path, **options):
        if path != folder:
            remove(path, **options)
            return
        if name is not None:
            (folder / name).unlink()
        raise StopNowError

    monkeypatch.setattr(checkpoint_module.shutil, "rmtree", killed)
    for part in lm.parameters():
        part.data += 0.1
    with pytest.raises(StopNowError):
        save_checkpoint(folder, lm, optimizer, TrainLog(tokens=2))
    monkeypatch.undo()
    other = fly()
    log = load_checkpoint(folder, other, torch.optim.AdamW(other.parameters()), pytest.fail)
    assert log == TrainLog(tokens=2)
    assert weights_fingerprint(other) == weights_fingerprint(lm)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_damaged_draft_leaves_the_checkpoint_in_use(tmp_path):
    folder, said, lm = tmp_path / "c", [], fly()
    optimizer = torch.optim.AdamW(lm.parameters())
    for at, tokens in ((draft_folder(folder), 2), (folder, 1)):
        save_checkpoint(tmp_path / "made", lm, optimizer, TrainLog(tokens=tokens))
        (tmp_path / "made").rename(at)
    (draft_folder(folder) / "model.safetensors").write_bytes(b"")
    assert load_checkpoint(folder, lm, optimizer, said.append) == TrainLog(tokens=1)
    assert len(said) == 1


def test_a_checkpoint_that_cannot_be_saved_does_not_end_the_training(tmp_path, known, monkeypatch):
    folder, said = tmp_path / "c", []
    with pytest.raises(StopNowError):
        train(fly(), ROWS, OFTEN, lr=1e-2, seed=3, checkpoint=folder, on_step=stop_after(1))

    def full(*_):
        raise SafetensorError("Error while serializing: I/O error: No space left (os error 28)")

    monkeypatch.setattr(checkpoint_module, "save_file", full)
    log = train(fly(), ROWS, OFTEN, lr=1e-2, seed=3, checkpoint=folder, say=said.append)
    assert losses(log) == known
    assert len(said) == 3
    assert said[0].startswith("cannot save a checkpoint: OSError: ")
    assert "No space left on device; expected space to write" in said[0]
    assert said[0].endswith("The training continues")
    assert [path.name for path in tmp_path.iterdir()] == ["c"]  # the old one, and no draft


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_a_checkpoint_and_a_second_one_does_not_wait(
    tmp_path, known, number, request
):  # fmt: skip
    def ask(times):
        def on_step(done, total, step, log):
            if done == 2:
                for _ in range(times):
                    os.kill(os.getpid(), number)

        return on_step

    handler, said, seen = signal.default_int_handler, [], []
    before = signal.signal(number, handler)  # a test in the background ignores Ctrl-C
    request.addfinalizer(lambda: signal.signal(number, before))
    folder = tmp_path / "c"
    with pytest.raises(Stopped) as stopped:
        train(
            fly(), ROWS, SETTINGS, lr=1e-2, seed=3, checkpoint=folder, on_step=ask(1),
            say=said.append,
        )  # fmt: skip
    assert stopped.value.exit_code == 128 + number
    assert "saving a checkpoint after this step" in said[0]
    assert signal.getsignal(number) is handler
    log = train(
        fly(), ROWS, SETTINGS, lr=1e-2, seed=3, checkpoint=folder,
        on_step=lambda done, *_: seen.append(done),
    )  # fmt: skip
    assert (losses(log), seen) == (known, [3, 4, 5])
    with pytest.raises(Stopped):
        train(fly(), ROWS, SETTINGS, lr=1e-2, seed=3, checkpoint=tmp_path / "d", on_step=ask(2))
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("kind", "name", "which", "kept"),
    [(Ranks, "share", 1, True), (Saver, "after_step", 2, False)],
    ids=["while processes wait", "after all"],
)
def test_a_signal_after_the_last_step_is_not_lost(
    tmp_path, known, monkeypatch, request, kind, name, which, kept
):  # fmt: skip
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    steps, calls, folder, real = [], [], tmp_path / "c", getattr(kind, name)

    def late(self, *given):
        found = real(self, *given)
        if len(steps) == len(known):
            calls.append(name)
            if len(calls) == which:
                os.kill(os.getpid(), signal.SIGTERM)
        return found

    monkeypatch.setattr(kind, name, late)
    with pytest.raises(Stopped) as stopped:
        train(
            fly(), ROWS, SETTINGS, lr=1e-2, seed=3, checkpoint=folder,
            on_step=lambda done, *_: steps.append(done),
        )  # fmt: skip
    assert (len(calls) >= which, stopped.value.exit_code) == (True, 128 + signal.SIGTERM)
    monkeypatch.undo()
    assert folder.exists() == kept
    log = train(fly(), ROWS, SETTINGS, lr=1e-2, seed=3, checkpoint=folder)
    assert losses(log) == known


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("out of memory"),
              MemoryError()], ids=["torch", "runtime", "python"]
)  # fmt: skip
def test_a_step_without_memory_is_done_in_halves_with_the_same_loss(tmp_path, known, error):
    lm, said = fly(), []
    real = lm.loss

    def crowded(batch):
        if len(batch.prompts) > 1:
            raise error
        return real(batch)

    lm.loss = crowded
    log = train(lm, ROWS, OFTEN, lr=1e-2, seed=3, checkpoint=tmp_path / "c", say=said.append)
    assert losses(log)[0] == pytest.approx(known[0], abs=1e-6)
    assert losses(log) == pytest.approx(known, abs=1e-5)
    assert log.micro_tokens is not None
    assert log.micro_tokens < SETTINGS.micro_tokens
    assert all("memory ran out" in text and "micro-batches now hold" in text for text in said)
    assert len(said) <= 3  # halved until it fitted, then kept


def test_one_row_that_memory_does_not_hold_ends_with_one_message():
    def never(groups):
        raise MemoryError

    with pytest.raises(UsageError, match=r"memory does not hold one example of \d+ tokens by its"):
        TokenBudget(4096).fit(ROWS, never)


def test_an_error_that_is_not_about_memory_is_raised_as_it_is():
    def broken(groups):
        raise RuntimeError("shapes do not fit")

    budget = TokenBudget(4096)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        budget.fit(ROWS, broken)
    assert not budget.halved


def test_weights_that_the_lean_step_joined_are_saved_as_they_are(tmp_path, backbone):
    lm, plain = (CausalLM(Backbones(ModelSettings(backbone=str(backbone))).main) for _ in range(2))
    refuse_wrong_ways(lm, "sft", trains=True)  # as before every training
    joined = lm.model.base_model.layers[0].self_attn.q_proj.weight
    assert joined.untyped_storage().nbytes() > joined.nbytes
    digests = [
        save_weights(one, tmp_path / f"{at}.safetensors") for at, one in enumerate((lm, plain))
    ]
    assert digests[0] == digests[1]
    assert weights_fingerprint(lm) == weights_fingerprint(plain)
    refuse_wrong_ways(lm, "sft", trains=True)  # joined again where that is needed


@pytest.mark.parametrize("make", [fly, lambda: CausalLM(tiny())], ids=["stacked", "one model"])
def test_weights_load_into_a_model_whose_weights_the_lean_step_joined(make, tmp_path):
    path, trained, lm = tmp_path / "w.safetensors", make(), make()
    for part in trained.parameters():
        part.data += 0.1
    save_weights(trained, path)
    refuse_wrong_ways(lm, "sft", trains=True)  # as before a training that is resumed
    (model, *_) = [model for _, model in causal_lms(lm)]
    joined = weakref.ref(choice_of(model).decoder)
    assert joined() is not None
    load_weights(lm, path)
    gc.collect()
    assert joined() is None, "the joined weights are still in memory"
    for one, other in zip(lm.parameters(), trained.parameters(), strict=True):
        assert torch.equal(one, other)
    assert generate(lm, [[1, 2, 3]], max_new_tokens=8) == generate(
        trained, [[1, 2, 3]], max_new_tokens=8
    )


def test_weights_that_changed_on_disk_are_noticed(tmp_path):
    path, said = tmp_path / "w.safetensors", []
    digest = save_weights(fly(), path)
    assert same_file(path, digest, pytest.fail)
    content = bytearray(path.read_bytes())
    content[-1000:] = bytes(1000)
    path.write_bytes(content)
    assert not same_file(path, digest, said.append)
    assert said == [
        f"damaged, so its work is done again: {path}: its content is not what was saved"
    ]
    path.unlink()
    assert not same_file(path, digest, said.append)
    assert said[1:] == [f"missing, so its work is done again: {path}"]
