"""sft with the arithmetic of another method, a plugin's too."""

import pytest

from baselines.sft import Sft
from harness import registry
from harness.engine.flops import training_flops
from harness.errors import UsageError
from harness.inputs import provenance
from harness.inputs.collect import collect
from harness.inputs.origin import origin_of
from harness.pipeline.plan import Plan
from harness.record.inputs import changes
from harness.registry import find, register_plugins, table
from harness.settings import RunSettings
from tests.support.runs import settings

METHOD = """
from harness.method import Method

class Mine(Method):
    name, trains = "mine", True
"""


def asked(name):
    return Sft(RunSettings(method={"flops_of": name}))


def test_an_unknown_method_stops_the_run_at_once():
    with pytest.raises(UsageError, match=r"no method 'flythinkr'\. Did you mean 'flythinker'"):
        asked("flythinkr")


@pytest.mark.parametrize(
    ("name", "why"),
    [("rag", "it is not trained"), ("cot", "hold text that a model generates first")],
)
def test_a_method_whose_flops_no_data_tell_is_refused(name, why):
    with pytest.raises(UsageError, match=f"method.flops_of={name}: .*{why}"):
        asked(name)


WITHOUT_PROFILE = f"""{METHOD}
    def prompt(self, example):
        return self.writer.write(example, profile=False)
"""


def test_a_method_with_prompts_of_its_own_counts_its_own_rows(tmp_path, reviews, backbone):
    file = tmp_path / "mine.py"
    file.write_text(WITHOUT_PROFILE)
    register_plugins([file])
    try:
        chosen = settings(reviews, backbone, "sft", "method.flops_of=mine")
        plan = Plan(chosen, "sft", tmp_path)
        plan.method.rows_of = plan.rows_of
        lm, pairs = plan.build(), plan.pairs("train")
        rows, _ = plan.rows(pairs, plan.method.targets(lm, pairs))
        shorter = plan.rows_of(find("method", "mine")(chosen.model_copy(update={"method": {}})))
        assert sum(map(len, shorter)) < sum(map(len, rows))
        share = training_flops(lm, shorter) / training_flops(lm, rows)
        assert plan.method.epochs(lm, rows) == pytest.approx(chosen.train.epochs * share)
    finally:
        register_plugins([])


def test_a_method_of_a_plugin_file_is_known_and_its_source_counts(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(METHOD)
    with pytest.raises(UsageError, match="no method 'mine'"):
        asked("mine")
    brought = register_plugins([file])
    assert find("method", "mine") is brought["mine"]
    assert asked("mine").options.flops_of == "mine"
    assert file in provenance.method_sources(Sft, {"flops_of": "mine"}).values()
    assert file not in provenance.method_sources(Sft, {}).values()
    with pytest.raises(UsageError, match="a method called 'mine' exists already"):
        registry.register_plugins([file, file])
    assert "mine" not in table("method")
    register_plugins([])
    with pytest.raises(UsageError, match="no method 'mine'"):
        asked("mine")


def inputs_with(name):
    chosen = RunSettings(method={"flops_of": name})
    return collect(chosen, origin_of("sft", Sft), {})


def test_a_finished_run_is_not_shown_once_the_named_method_was_edited(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(METHOD)
    register_plugins([file])
    before = inputs_with("mine")
    file.write_text(f"{METHOD}\n    again = True\n")
    (change,) = changes(before, inputs_with("mine"))
    assert (str(change), change.then) == ("plugins mine changed", "rerun")
    register_plugins([])


def test_code_of_a_named_built_in_method_is_the_run_s():
    assert "flythinker.flythinker" in inputs_with("flythinker").code
    assert "flythinker.flythinker" not in inputs_with(None).code
