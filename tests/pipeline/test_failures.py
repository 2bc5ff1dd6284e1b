"""Examples that fail are empty and counted; methods that break their contract are refused."""

import weakref
from dataclasses import replace
from types import SimpleNamespace

import pytest

from baselines.sft import Sft
from harness.engine.decode import NotANumberError
from harness.errors import DataError, UsageError
from harness.pipeline import generator as generate_module
from harness.pipeline.generator import GeneratedTokens, Generator, _prediction
from harness.record import read_predictions
from harness.types import Prompt, Target
from tests.support.runs import go, texts


@pytest.fixture
def odd_prompts_fail(monkeypatch):
    """Generation fails for every batch with a prompt of odd length."""
    real = generate_module.generate

    def fails_for_some(lm, prompts, **options):
        if any(len(prompt) % 2 for prompt in prompts):
            raise RuntimeError("no room for this one")
        return real(lm, prompts, **options)

    def begin():
        monkeypatch.setattr(generate_module, "generate", fails_for_some)

    return begin


def test_a_failing_example_is_empty_counted_and_exit_code_1(
    tmp_path, reviews, backbone, odd_prompts_fail
):
    odd_prompts_fail()
    outcome = go(tmp_path, reviews, backbone, "rag")
    failed = [text for text in read_predictions(outcome.folder) if text.error]
    assert 0 < len(failed) == outcome.record.n.failed
    assert outcome.exit_code == 1
    assert outcome.record.status == "failed"
    assert outcome.record.examples[failed[0].id].scores["rouge1"] == 0
    assert "no room for this one" in failed[0].error


def test_a_failed_batch_is_forgotten_before_its_examples_are_tried_alone(monkeypatch):
    """Else a batch that was too large for the memory would hold it while each example tries."""

    class Large:
        pass

    seen = []

    def generate(self, batch, sample):
        if len(batch) > 1:
            large = Large()
            seen.append(weakref.ref(large))
            raise RuntimeError("out of memory")
        assert seen[0]() is None
        return [batch[0].example.id]

    monkeypatch.setattr(Generator, "predictions", generate)
    batch = [SimpleNamespace(example=SimpleNamespace(id=name, user_id="u")) for name in "ab"]
    assert Generator(None, None).generate_or_split(batch, 0) == ["a", "b"]


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (MemoryError(), False),
        (IndexError("index out of range in self"), False),
        (RuntimeError("CUDA out of memory"), False),
        (RuntimeError("CUDA error: device-side assert triggered"), True),
        (KeyError("a bug"), True),
    ],
)
def test_errors_of_an_example_fail_it_and_others_end_the_run(monkeypatch, error, ends):
    def generate(self, batch, sample):
        if any(each.example.id == "b" for each in batch):
            raise error
        return [replace(_prediction(each, sample), output="text") for each in batch]

    monkeypatch.setattr(Generator, "predictions", generate)
    batch = [SimpleNamespace(example=SimpleNamespace(id=name, user_id="u")) for name in "abc"]
    generator = Generator(None, None)
    if ends:
        with pytest.raises(type(error)):
            generator.generate_or_split(batch, 0)
    else:
        found = generator.generate_or_split(batch, 0)
        assert [text.output for text in found] == ["text", "", "text"]
        assert found[1].error.startswith(type(error).__name__)


def test_views_without_memory_generate_in_halves(monkeypatch):
    def tokens(self, batch, sample):
        if len(batch) > 1:
            raise MemoryError
        return list(batch)

    monkeypatch.setattr(Generator, "tokens", tokens)
    five = list("abcde")  # both halves have to be halved again
    assert Generator(None, None).tokens_or_split(five) == five
    monkeypatch.setattr(Generator, "tokens", lambda *_: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError):
        Generator(None, None).tokens_or_split(["a"])


@pytest.mark.parametrize("what", ["prefaces", "tokens"])
def test_rows_of_views_without_numbers_fail_alone_and_say_why(monkeypatch, what):
    def made(self, batch, sample):
        if len(batch) > 3:
            raise MemoryError
        if "b" in batch:
            raise NotANumberError({batch.index("b"): 0}, [[] for _ in batch])
        found = [[ord(each)] for each in batch]
        return found if what == "prefaces" else [GeneratedTokens(each, []) for each in found]

    monkeypatch.setattr(Generator, what, made)
    split = getattr(Generator(None, None), f"{what}_or_split")
    found = split(list("abcde"))
    assert [each.preface for each in found] == [[97], [], [99], [100], [101]]
    assert [each.error is None for each in found] == [True, False, True, True, True]
    assert "logits after 0 new tokens are not finite" in found[1].error
    monkeypatch.setattr(Generator, what, lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        split(["a"])


def test_a_failed_example_is_written_again_by_the_same_command(
    tmp_path, reviews, backbone, monkeypatch, odd_prompts_fail
):
    whole = go(tmp_path / "whole", reviews, backbone, "rag")
    odd_prompts_fail()
    assert go(tmp_path / "cut", reviews, backbone, "rag").record.n.failed > 0
    monkeypatch.undo()
    mended = go(tmp_path / "cut", reviews, backbone, "rag")
    assert (mended.record.status, mended.record.n.failed) == ("complete", 0)
    assert sorted(texts(mended)) == sorted(texts(whole))


def test_weights_stay_while_a_text_is_to_be_written_again(tmp_path, reviews, backbone, monkeypatch):
    def fails(*words, **options):
        raise RuntimeError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(generate_module, "generate", fails)
        failed = go(tmp_path, reviews, backbone, "sft", "train.keep_weights=false")
    assert failed.record.status == "failed"
    assert (failed.folder / "model.safetensors").is_file()
    mended = go(tmp_path, reviews, backbone, "sft", "train.keep_weights=false")
    assert mended.record.status == "complete"
    assert mended.record.backbone.weights == failed.record.backbone.weights
    assert not (mended.folder / "model.safetensors").exists()


def test_a_target_without_tokens_is_refused(tmp_path, reviews, backbone, monkeypatch):
    monkeypatch.setattr(
        Sft, "targets", lambda self, lm, train: [Target(p.example.id, "") for p in train]
    )
    with pytest.raises(DataError, match="its target '' has no token; expected text"):
        go(tmp_path, reviews, backbone)


@pytest.mark.parametrize(
    "hidden",
    [{"preface": (7, 7, 7)}, {"curriculum": ((0.5, (7, 7, 7)),)}],
    ids=["preface", "curriculum"],
)
def test_a_target_with_a_longer_preface_than_said_is_refused(
    tmp_path, reviews, backbone, monkeypatch, hidden
):
    def targets(self, lm, train):
        return [Target(pair.example.id, pair.reference.text, **hidden) for pair in train]

    monkeypatch.setattr(Sft, "longest_preface", lambda self, training: 2)
    monkeypatch.setattr(Sft, "targets", targets)
    expected = r"a preface of 3 tokens; expected at most 2, .*longest_preface\(training=True\)"
    with pytest.raises(DataError, match=expected):
        go(tmp_path, reviews, backbone)


def test_a_method_that_breaks_its_contract_gets_a_clear_error(
    tmp_path, reviews, backbone, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Sft, "targets", lambda self, lm, train: [])
        with pytest.raises(DataError, match=r"'sft': targets\(\) gave 0 targets for 6 pairs"):
            go(tmp_path, reviews, backbone)
    with monkeypatch.context() as patch:
        patch.setattr(Sft, "preface", lambda self, lm, prompts, sampling: [[]])
        with pytest.raises(DataError, match=r"'sft': preface\(\) gave 1 prefaces for 3 prompts"):
            go(tmp_path, reviews, backbone)
    with monkeypatch.context() as patch:
        patch.setattr(Sft, "preface", lambda self, lm, prompts, sampling: [[7, 7]] * len(prompts))
        expected = r"a preface of 2 tokens; expected at most 0, .*longest_preface\(training=False\)"
        with pytest.raises(DataError, match=expected):
            go(tmp_path, reviews, backbone)
    monkeypatch.setattr(Sft, "prompt", lambda self, example: Prompt(example.id, {"other": "text"}))
    with pytest.raises(
        DataError, match=r"prompt\(\) gave the views \['other'\]; expected \"main\""
    ):
        go(tmp_path, reviews, backbone)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("method.lam=nan", "lam"),
        ("method.lamm=0.5", "unknown key 'lamm'. Did you mean 'lam'"),
        ("train.epoch=1", "unknown key 'train.epoch'. Did you mean 'train.epochs'"),
        ("decode.top_p=1.5", "decode.top_p = 1.5"),
        ("train.lr=-1", "train.lr = -1; expected a number greater than 0"),
        ("train.lr_grid=[]", "train.lr_grid = []"),
        ("train.lr_grid=[0.0]", "train.lr_grid.0 = 0.0; expected a number greater than 0"),
        ("seed=-1", "seed = -1"),
        ("seed=4294967296", "seed = 4294967296"),
        ("model.device=tpu9", "model.device = 'tpu9'"),
        ("model.device=cuda:7", "model.device = 'cuda:7'"),
    ],
)
def test_wrong_settings_are_named_and_leave_nothing(
    tmp_path, reviews, backbone, assignment, message
):
    with pytest.raises(UsageError) as caught:
        go(tmp_path, reviews, backbone, "flythinker", assignment)
    assert message in str(caught.value)
    assert not (tmp_path / "results").exists()
