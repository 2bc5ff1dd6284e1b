"""What the record says of lift, beside the runs of `test_run`."""

from types import SimpleNamespace

from harness.data import load_split
from harness.mini.following import Following
from harness.run.evaluate.profile_swap import OwnProfile, _text_lift
from harness.settings import build_settings
from harness.statistics import Panel


def test_lift_of_texts_is_signed_with_the_metric():
    sets = ["data.limit=1", "eval.resamples=100", 'eval.metrics=["rouge1"]', "eval.slices=[0]"]
    chosen = build_settings("mini", sets)
    test = load_split(chosen, "test")
    texts = {example.id: test.references[example.id].text for example in test.examples}
    plan = SimpleNamespace(settings=chosen, test=test, panel=lambda ids: Panel.of(test, 100))
    _, gains = _text_lift(
        plan, OwnProfile(texts, None), {"empty": {}, "random 0": {}, "topic 0": {}}
    )
    signatures = {name: each.own_other.signature for name, each in gains["random"].items()}
    assert signatures == {
        "rouge1": "lift:own-other|donors:1|rouge1|stem:no|rouge-score:0.1.2",
        "following": f"lift:own-other|donors:1|{Following().signature}",
    }
