"""What to say before a run starts: choices that are allowed and that few would make on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.data.source import source_of
from harness.settings import RunSettings, load_preset


def cautions(settings: RunSettings, trains: bool, assignments: Sequence[str]) -> Iterator[str]:
    """A line for each doubtful choice in the settings of a run.

    trains: whether the method trains.
    assignments: of --set.
    """
    model, preset = settings.model, load_preset(settings.preset)
    if not source_of(settings.data.source).built_in and is_mini(model.backbone):
        yield (
            f"WARNING: the backbone {model.backbone} knows only the built-in benchmark's few"
            f" hundred words. On {settings.data.source} it writes nonsense, and no number below"
            " says anything about a method. Use --preset smollm2, or --backbone NAME"
        )
    if settings.decode.temperature == 0 and settings.decode.samples > 1:
        yield (
            f"decode.samples is {settings.decode.samples} at decode.temperature 0: greedy decoding"
            " gives every sample the same text. --set decode.samples=1, or a temperature above 0"
        )
    own = preset.get("model", {}).get("backbone")
    rate = preset.get("train", {}).get("lr")
    chosen = any(text.partition("=")[0].strip() == "train.lr" for text in assignments)
    if (
        trains
        and not model.api
        and model.backbone != own
        and settings.train.lr == rate
        and not chosen
    ):
        yield (
            f"train.lr is {rate:g}, which preset {settings.preset} has for its backbone {own}, not"
            f" for {model.backbone}. --set train.lr=auto chooses a rate on val; --set"
            " train.lr=NUMBER sets one"
        )


def is_mini(backbone: str) -> bool:
    """Whether a name is that of a backbone of the built-in benchmark."""
    from harness.mini import BACKBONES

    return backbone in BACKBONES
