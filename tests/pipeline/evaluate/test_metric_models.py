"""A metric is handed the model that it needs; one that cannot work costs itself alone."""

import json
import shutil

import numpy as np
import pytest

from harness import registry
from harness.engine.backbone import Backbones
from harness.engine.token_bound import rows_within_bound, tokens_bounded
from harness.errors import UsageError
from harness.metrics.base import MeanMetric, Needs
from harness.record import read_predictions
from harness.reports.compare_runs import compare
from harness.settings import ModelSettings
from tests.support.runs import go
from tests.support.world import save_encoder


class Cosine(MeanMetric):
    """Cosine between the encodings of text and reference."""

    name = "cosine"

    def score(self, pair):
        text, reference = self.encoder.encode([pair.prediction, pair.reference])
        return 100 * float(text @ reference)


class Surprise(MeanMetric):
    """NLL of the text after the input."""

    name = "surprise"
    unit = "nats"
    better = "lower"

    def score(self, pair):
        return float(self.language_model.nll([pair.example.input], [pair.prediction])[0])


class Verdict(MeanMetric):
    """How long a judge's answer is."""

    name = "verdict"

    def score(self, pair):
        (answer,) = self.language_model.answers([pair.prediction], max_new_tokens=3)
        return float(len(answer))


class Late(MeanMetric):
    """Raises at the second pair, as of a plugin with a mistake."""

    name = "late"

    def score(self, pair):
        return {"a": 1.0}[pair.prediction]


class Grouped(MeanMetric):
    """Raises in its breakdown only."""

    name = "grouped"

    def score(self, pair):
        return 1.0

    def breakdown(self, samples, panel):
        raise SystemExit("no groups")


class Unborn(MeanMetric):
    name = "unborn"

    def __init__(self):
        raise KeyError("no such file")


@pytest.fixture
def evaluated(tmp_path, reviews, backbone, monkeypatch):
    """A run with further metrics; what they need is set here."""
    known = dict(registry.table("metric"))
    before = registry.table
    table = lambda kind: known if kind == "metric" else before(kind)  # noqa: E731
    for place in ("harness.registry.table", "harness.metrics.table"):
        monkeypatch.setattr(place, table)

    def run(*metrics, needs=None):
        for metric in metrics:
            known[metric.name] = registry.Entry(
                metric.name, f"{__name__}:{metric.__name__}", "a package"
            )
            monkeypatch.setattr(metric, "needs", needs and Needs(*needs))
        names = ",".join(f'"{name}"' for name in ("rouge1", *(one.name for one in metrics)))
        asked = (f"eval.metrics=[{names}]", "eval.likelihood=false", "data.limit=3")
        return go(tmp_path, reviews, backbone, "rag", *asked)

    return run


def test_an_encoder_is_handed_over(evaluated, backbone, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "backbone").symlink_to(backbone)
    save_encoder(folder / "encoder")
    record = evaluated(Cosine, needs=("encoder", str(folder / "encoder"))).record
    assert -100 <= record.metrics["cosine"].value <= 100
    assert all(value is not None for value in record.examples.values())


def test_style_and_bertscore_are_metrics_like_any_other(tmp_path, reviews, backbone):
    """In a run with slices, and in a comparison with intervals, ceiling and floor."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "backbone").symlink_to(backbone)
    encoder = save_encoder(folder / "encoder")
    names = f'"style:{encoder}","bertscore:{encoder}?layer=1"'
    asked = (f"eval.metrics=[{names}]", "eval.likelihood=false", "data.limit=4")
    asked += ("decode.temperature=1",)  # greedy texts of a random model have no words
    for method in ("nonpers", "rag"):
        record = go(tmp_path, reviews, backbone, method, *asked).record
        for found in record.metrics.values():
            assert found.low <= found.value <= found.high
            assert "encoder:" in found.signature
            assert str(tmp_path) not in found.signature
        assert all(record.slices[name][0].value is not None for name in record.metrics)
        (ends,) = record.breakdowns.values()
        assert ends.floor < ends.ceiling <= 100 + 1e-9
    document = compare([tmp_path / "results"])
    (scores,) = [one for one in document.sections if one.name == "scores"]
    titles = ["style (encoder)", "BERTScore (encoder, layer 1)"]
    assert [column.title.strip(" ⚑") for column in scores.tables[0].columns][1:] == titles
    rows = {row[0]: row[1] for row in scores.tables[0].rows}
    assert rows["real texts of the authors"] == ends.ceiling
    assert rows["real texts of other authors"] == ends.floor
    assert "the same, authors nearest in topic" in rows


def test_a_likelihood_and_a_judge_are_handed_over(evaluated, backbone):
    record = evaluated(Surprise, Verdict, needs=("judge", str(backbone))).record
    assert record.metrics["surprise"].value > 0
    assert record.metrics["verdict"].value > 0
    assert record.metrics["verdict"].missing is None


@pytest.mark.parametrize("kind", ["encoder", "likelihood", "judge"])
def test_a_model_that_is_absent_is_named_with_the_remedy(evaluated, tmp_path, kind):
    record = evaluated(Cosine, needs=(kind, str(tmp_path / "nowhere"))).record
    found = record.metrics["cosine"]
    assert found.value is None
    assert f"it needs the {kind} {tmp_path / 'nowhere'}, which cannot be loaded: " in found.missing
    assert record.metrics["rouge1"].value is not None


def test_a_metric_that_raises_costs_itself_alone(evaluated):
    outcome = evaluated(Late, Grouped)
    record = outcome.record
    found = record.metrics["late"]
    assert (record.status, found.value) == ("complete", None)
    assert found.missing.startswith(f"metric 'late' of {__file__} is broken: KeyError")
    assert __file__ in found.missing
    assert len(read_predictions(outcome.folder)) == 3
    assert record.metrics["rouge1"].value is not None
    assert record.metrics["grouped"].value == 1.0
    assert "SystemExit: no groups" in record.breakdowns["grouped"].missing


def test_a_metric_that_cannot_be_made_stops_the_run_before_any_work(evaluated, tmp_path):
    with pytest.raises(UsageError, match=r"metric 'unborn' of .*test_metric_models.py is broken"):
        evaluated(Unborn)
    assert not (tmp_path / "results").exists()


def test_a_likelihood_by_hand(backbone):
    """The sum over tokens of a text alone and in a batch with a longer one is the same."""
    from harness.pipeline.evaluate.metric_models import language_model

    model = language_model(str(backbone))
    alone = model.nll(["a lamp"], ["good"])
    together = model.nll(["a lamp", "a kettle and a chair"], ["good", "bad and sturdy"])
    np.testing.assert_allclose(alone[0], together[0], rtol=1e-5)


def test_a_judge_stops_at_every_declared_end_and_answers_without_reasoning(
    backbone, tmp_path, monkeypatch
):
    from harness.pipeline.evaluate import metric_models

    def judge():
        return metric_models.BackboneModel(Backbones(ModelSettings(backbone=str(folder))))

    folder = tmp_path / "judge"
    shutil.copytree(backbone, folder)
    (first, *rest), tokenizer = judge().answer_ids(["a lamp"], 3)[0], judge().tokenizer
    assert rest
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [first]}))
    assert judge().answer_ids(["a lamp"], 3) == [[]]
    ids = tokenizer("<think>a kettle</think>good")["input_ids"]
    monkeypatch.setattr(metric_models, "generate", lambda lm, rows, **_: [ids for _ in rows])
    assert judge().answers(["a lamp"], 99) == ["good"]


def test_a_judge_has_batches_of_its_own_within_a_run(backbone, monkeypatch):
    from harness.pipeline.evaluate import metric_models

    def noted(lm, rows, **_):
        sizes.append(rows_within_bound(999, len(rows)))
        return [[] for _ in rows]

    sizes: list[int] = []
    monkeypatch.setattr(metric_models, "generate", noted)
    with tokens_bounded(1):
        metric_models.BackboneModel(Backbones(ModelSettings(backbone=str(backbone)))).answers(
            ["a lamp"] * 17
        )
    assert sizes == [16, 1]


def test_an_encoder_is_hashed_after_it_was_downloaded(tmp_path, monkeypatch):
    """Its files are in the hub's cache, or the newest there, only once it is loaded."""
    from harness.inputs.models import model_sha256
    from harness.pipeline.evaluate import metric_models

    class Downloaded:
        def __init__(self, name, setting):
            (tmp_path / "config.json").write_text("{}")

    monkeypatch.setattr(metric_models, "Encoder", Downloaded)
    found = metric_models.encoder(str(tmp_path))
    assert found.fingerprint == model_sha256(str(tmp_path))[:12]
