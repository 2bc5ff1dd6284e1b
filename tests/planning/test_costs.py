"""Memory, times and disk of a run by arithmetic."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness import registry
from harness.data.sizes import sizes_of
from harness.engine.schedule import plan_steps
from harness.errors import UsageError
from harness.method import Method
from harness.planning.costs import run_cost
from harness.planning.devices import device_called, device_named
from harness.planning.memory import CPU, GPU, Rows, peak_bytes
from harness.planning.rates import decoding_step, row_tokens, share_of_peak
from harness.planning.shapes import Shape
from harness.registry import Entry
from harness.settings import build_settings

NOWHERE = Path("nowhere")
SHAPE = Shape("a", 1000, 1000, body=900, head=100, layers=10, width=4, inner=8, attention=40,
              cache=20, vocabulary=25)  # fmt: skip


def paper(*sets):
    return build_settings("paper", sets)


def cost(method, *sets, cards=1, trained=False):
    return run_cost(method, paper(*sets), NOWHERE, device_named("h100").cards(cards), trained)


def test_the_peak_of_training_by_hand():
    settings = paper("train.micro_tokens=10", "decode.batch_size=1", "decode.max_new_tokens=1",
                     "budget.profile=1", "budget.input=1", "budget.target=1")  # fmt: skip
    # states 16·1000, bf16 copies 2·1000; of 10 tokens: inputs of 10 layers 10·2·4 each, one layer
    # 2·(3.5·4 + 2.7·8); logits 3·4·10·25
    expected = 16_000 + 2_000 + 10 * (80 + 71.2) + 3_000
    found = peak_bytes([SHAPE], settings, GPU, Rows(2, 3)) - GPU.start
    assert found == pytest.approx(expected)
    # four processes share the states; each holds two of ten layers' copies at a time
    settings = settings.model_copy(
        update={"train": settings.train.model_copy(update={"sharding": "full"})}
    )
    divided = peak_bytes([SHAPE], settings, GPU, Rows(2, 3), processes=4) - GPU.start
    assert divided == pytest.approx(expected - 12_000 - 1_600)


def test_the_peak_of_generation_by_hand():
    settings = paper("decode.batch_size=2", "decode.max_new_tokens=3")
    # 500 MiB; 1.25 times: weights 4·1000; two prompts of 5: one layer 10·4·(8·4 + 5·8); keys and
    # values of 2·(5 + 3) tokens, 4·20 each
    expected = 500 * 2**20 + 1.25 * (4_000 + 10 * 288 + 16 * 80)
    assert peak_bytes([SHAPE], settings, CPU, Rows(5, None)) == pytest.approx(expected)


def test_a_bound_on_tokens_bounds_the_peak_of_generation():
    sets = ("decode.batch_size=9", "decode.max_new_tokens=3")
    two = peak_bytes([SHAPE], paper("decode.batch_size=2", sets[1]), CPU, Rows(5, None))
    bounded = paper(*sets, "decode.tokens_at_once=23")  # two rows of 5 + 3
    assert peak_bytes([SHAPE], bounded, CPU, Rows(5, None)) == two


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_fraction_of_an_example_is_rounded_as_in_a_run(share):
    train = 14_745
    epochs = (10 + share) / train  # ten or eleven examples
    found = cost("sft", f"train.epochs={epochs}", "train.batch_size=10")
    assert found.steps == len(plan_steps(train, epochs, 10, seed=0)) == 1 + round(share)
    assert found.tokens == (10 + round(share)) * found.row


def test_a_search_of_the_rate_keeps_the_model_that_it_starts_from():
    sets = ("decode.batch_size=1", "decode.max_new_tokens=1")
    found, searched = (
        peak_bytes([SHAPE], paper(f"train.lr={lr}", *sets), GPU, Rows(2, 3))
        for lr in ("1e-5", "auto")
    )
    assert searched - found == 4 * SHAPE.trained


def test_a_step_is_bound_by_the_host_or_by_the_bytes():
    device = device_named("h100")
    assert decoding_step([SHAPE], device, 1, 1, True) == pytest.approx(5.7e-3)  # ten layers
    large = replace(SHAPE, parameters=10**11)
    bytes_ = 2 * (10**11 + 20)
    assert decoding_step([large], device, 1, 1, True) == pytest.approx(bytes_ / (3.35e12 * 0.85))


def test_a_lean_step_takes_its_layers_once_and_the_bytes_of_all_models():
    device, lean = device_named("h100"), replace(SHAPE, lean=True, parameters=10**9)
    reading, layers = 2 * (10**9 + 20) / (3.35e12 * 0.85), 1.35e-3  # ten layers
    other = replace(lean, layers=5)
    seconds = {
        (lean,): layers + reading,
        (lean, lean): layers + 2 * reading,  # stacked
        (lean, other): 1.5 * layers + 2 * reading,
        (lean, replace(SHAPE, layers=1)): layers + reading + 5.7e-4,
    }
    for shapes, expected in seconds.items():
        assert decoding_step(shapes, device, 1, 1, True) == pytest.approx(expected)
    assert decoding_step([lean], device, 1, 1, False) == pytest.approx(5.7e-3)


def test_shares_of_the_peak_lie_between_those_measured():
    assert share_of_peak(1_544_000_000, False) == pytest.approx(0.267)
    assert 0.267 < share_of_peak(2_000_000_000, False) < 0.312
    assert share_of_peak(7_600_000_000, True) == 0.256  # as the largest that was measured
    assert share_of_peak(1_000_000, True) < 0.07


def test_longlamps_sizes_are_known_without_the_data():
    assert sizes_of(paper()) == {"train": 14_745, "val": 1_826, "test": 1_822}
    assert sizes_of(paper("data.limit=5"))["test"] == 5
    assert sizes_of(paper("data.setting=temporal"))["train"] is None
    row, response = row_tokens(paper())
    assert response == pytest.approx(305 * 1.35)
    assert row == pytest.approx(1250 + 119 * 1.35 + 30 + response)


def test_what_a_run_costs():
    sft, both = cost("sft"), cost("flythinker")
    assert sft.steps == 1152  # 14,745 examples, 5 passes, 64 a step
    assert 1.9 < both.seconds["training"] / sft.seconds["training"] < 2.05
    # 36 layers of 0.135 ms once; weights, keys and values of 3.6 ms a model
    assert 1.4 < both.seconds["generation"] / sft.seconds["generation"] < 1.5
    older = [cost(name, "decode.step=transformers") for name in ("sft", "flythinker")]
    assert older[1].seconds["generation"] == pytest.approx(2 * older[0].seconds["generation"])
    assert older[0].seconds["generation"] > 2 * sft.seconds["generation"]
    apart = cost("flythinker", "model.adapter=qlora").seconds["generation"]
    assert apart == pytest.approx(older[1].seconds["generation"], rel=0.01)  # of another kind
    assert sft.most > sft.seconds["generation"]
    assert sft.kept == pytest.approx(4 * 3_085_938_688)
    assert cost("sft", "train.keep_weights=false").kept == 0
    assert sft.basis == "arithmetic, not measured"
    plain = cost("rag")
    assert (plain.seconds["training"], plain.steps, plain.kept) == (0, 0, 0)
    assert cost("sft", trained=True).seconds["training"] == 0  # another run has the weights
    assert cost("sft", cards=8).seconds["training"] < sft.seconds["training"] / 7
    assert cost("coconut").seconds["training"] == pytest.approx(sft.seconds["training"] / 0.8)


def test_a_training_whose_passes_only_the_data_tell_is_unknown():
    plain, equal = cost("sft"), cost("sft", "method.flops_of=flythinker")
    assert (equal.steps, equal.tokens, equal.seconds["training"]) == (None, None, None)
    assert equal.seconds["generation"] == plain.seconds["generation"]
    assert equal.basis.endswith("sft takes passes of its own, known after the data are read: "
                                "harness run --dry-run")  # fmt: skip
    known = cost("sft", "method.flops_of=flythinker", trained=True)  # another run has the weights
    assert (known.seconds["training"], known.steps, known.basis) == (0.0, 0, plain.basis)


class Untrained(Method):
    """A plugin's method that only generates."""

    name = "mine"


class OwnPasses(Method):
    """A plugin's method that chooses its passes."""

    name = "mine"
    trains = True

    def epochs(self, lm, rows):
        return 2 * super().epochs(lm, rows)


@pytest.fixture
def mine(monkeypatch):
    """Gives the name "mine" to a class of this module."""

    def named(kind):
        entry = Entry("mine", f"{__name__}:{kind.__name__}", "a package")
        monkeypatch.setitem(registry.METHODS_OF_FILES, "mine", entry)

    return named


def test_a_plugins_method_is_asked_whether_it_trains_and_how_often(mine):
    mine(Untrained)
    found, rag = cost("mine"), cost("rag")
    assert (found.seconds, found.steps, found.kept) == (rag.seconds, 0, 0)
    assert found.memory == rag.memory
    mine(OwnPasses)
    found = cost("mine")
    assert (found.steps, found.seconds["training"]) == (None, None)
    assert found.kept == cost("sft").kept


@pytest.mark.parametrize("name", sorted(registry.OPTIONS))
def test_the_methods_that_are_not_imported_to_be_asked_train_for_the_passes_asked(name):
    method = registry.find("method", name)(build_settings("mini"))
    assert method.trains
    assert not method.own_passes


def test_what_was_never_measured_is_named():
    assert cost("sft").untested == ()
    assert cost("sft", "model.adapter=lora").untested == ("adapters on a GPU",)
    assert cost("sft", "model.adapter=qlora").untested == ("QLoRA",)
    several = cost("sft", "train.sharding=full", cards=2)
    assert several.untested == ("several processes on GPUs", "train.sharding=full on GPUs")


def test_times_are_unknown_where_the_number_of_examples_is():
    found = cost("sft", "data.setting=temporal")
    assert found.seconds is None
    assert "known only after the data are read" in found.basis


def test_devices():
    assert device_called("NVIDIA H100 80GB HBM3").name == "h100"
    assert device_called("NVIDIA A100-SXM4-80GB").name == "a100-80"
    assert device_called("Some Other Card") is None
    with pytest.raises(UsageError, match=r"no such device. Did you mean 'h100'\? Known: "):
        device_named("h10")
