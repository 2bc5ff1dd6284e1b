"""The true analysis behind a text: sample sentences that show its author's preferences."""

from harness.mini import SPLITS
from harness.mini.benchmark import preferences
from harness.mini.habits import kinds


def true_analyses(task: str, setting: str, seed: int = 0) -> dict[str, str]:
    """Example id → its author's true analysis at the time of writing, for all splits.

    task, setting, seed: as for `rows`.
    """
    return {
        example: _in_sentences(task, words)
        for split in SPLITS
        for example, words in preferences(task, setting, split, seed).items()
    }


def _in_sentences(task: str, words: tuple[str, ...]) -> str:
    """Sample sentences without a subject; `words` are those that show each preference."""
    names = sorted(kinds(task).values(), key=lambda kind: kind.held_out)
    say = dict(zip((kind.name for kind in names), words, strict=False))
    bullet, x = say["layout"].removesuffix("x"), say["emphasis"]
    good = (
        f"{bullet}The {x} is {say['intensifier']} {say['praise']}. It works, {say['catchphrase']}."
    )
    bad = f"{bullet}{say['hedge'].capitalize()} the {x} is {say['blame']}. It fails{say['ending']}"
    if "tag" in say:
        good = good.replace("It works", f"{say['tag'].capitalize()}, it works")
    parts = [bad, good] if say["order"] == "bad first" else [good, bad]
    return "\n".join([f"{say['opening']}.", *parts, *parts, f"{say['closing']}."])
