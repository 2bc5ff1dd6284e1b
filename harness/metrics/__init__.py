"""Metrics of predictions and references, by position and by profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_args

from harness.errors import HarnessError, UsageError
from harness.paths import expanded
from harness.plugins import explain, home_of
from harness.registry import find, table

if TYPE_CHECKING:
    from harness.metrics.base import Better, Metric
    from harness.settings import EvalSettings

EXTERNAL = "evaluate:"
"""Prefix of the metrics of the evaluate package."""
FAMILIES: Mapping[str, str] = {
    "evaluate": "harness.metrics.external:External",
    "style": "harness.metrics.style:Style",
    "bertscore": "harness.metrics.bertscore:BertScore",
}
"""Prefix before a colon → the class of such metrics, which is called with what follows."""


def family(name: str) -> type[Metric] | None:
    """The class of `prefix:…`; None for any other name."""
    prefix, colon, _ = name.partition(":")
    if not colon or prefix not in FAMILIES:
        return None
    module, _, attribute = FAMILIES[prefix].partition(":")
    found: type[Metric] = getattr(import_module(module), attribute)
    return found


def is_known(name: str) -> bool:
    """Whether a metric of this name can be made here."""
    return family(name) is not None or name in table("metric")


def metric(
    name: str, settings: EvalSettings | None = None, own: Mapping[str, Any] | None = None
) -> Metric:
    """The metric called `name`.

    settings: where its options come from; None for the defaults.
    own: further options, for a metric that a data source adds.

    Raises UsageError for an unknown name, a plugin that is not a metric, and a tokenizer that is
    not installed.
    """
    if (of_family := family(name)) is not None:
        made: Callable[[str], Metric] = of_family
        return made(name.partition(":")[2])
    factory = metric_class(name)
    chosen = {} if settings is None else {
        option: getattr(settings, key) for option, key in factory.options.items()
    }  # fmt: skip
    try:
        return factory(**chosen, **(own or {}))
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        home = home_of(factory)
        raise UsageError(f"metric {name!r} of {home} is broken: {explain(error, home)}") from error


def ready_metric(name: str, settings: EvalSettings | None = None) -> Metric:
    """The metric called `name`, before any work is done for it.

    Raises UsageError as `metric` does, for a name that is taken, and where its name has a folder
    that holds no model.
    """
    found = metric(name, settings)
    refuse_column_name(name)
    needed = found.needs if family(name) else None
    if needed is not None and needed.model.startswith((".", "/", "~")):
        folder = expanded(needed.model)
        if not (folder / "config.json").is_file():
            raise UsageError(
                f"metric {name}: no config.json in {folder}; expected the folder of a model in"
                " Hugging Face's format, or a hub name"
            )
    return found


def refuse_column_name(name: str) -> None:
    """Raises UsageError for a name that tables and comparisons use for something else. Records with
    such a metric can be read."""
    from harness.metrics.drift import NLL_DRIFT
    from harness.metrics.text_quality import TEXT_QUALITY
    from harness.record.tables import is_taken

    if family(name) is None and is_taken(name, [NLL_DRIFT, *(each.name for each in TEXT_QUALITY)]):
        raise UsageError(
            f"metric {name!r}: tables and comparisons use this name for something else\n"
            "  expected  one that is no column of runs or examples, is no measure of text quality,"
            " does not end in _low or _high, and does not begin with method. or metric.\n"
            "  mend      rename the metric"
        )


def metric_class(name: str) -> type[Metric]:
    """The class behind a metric's name. Raises UsageError as `metric` does."""
    from harness.metrics.base import Metric

    if (of_family := family(name)) is not None:
        return of_family
    found = find("metric", name)
    if not (isinstance(found, type) and issubclass(found, Metric)):
        raise UsageError(
            f"metric {name!r}: found {type(found).__name__} {found!r:.80}; expected a class that"
            " derives from harness.metrics.base.Metric or MeanMetric (docs/plugins.md shows one)"
        )
    _refuse_declared(name, found)
    return found


def _refuse_declared(name: str, kind: type[Metric]) -> None:
    """Raises UsageError for an attribute of a metric's class that comparisons cannot use."""
    from harness.metrics.base import Better
    from harness.settings import EvalSettings

    attributes = {
        "better": (kind.better in get_args(Better), "'higher' or 'lower'"),
        "unit": (isinstance(kind.unit, str), "text"),
        "title": (isinstance(kind.title, str), "text, as an attribute of the class"),
        "options": (
            isinstance(kind.options, Mapping)
            and all(setting in EvalSettings.model_fields for setting in kind.options.values()),
            "names of settings in `eval` by argument",
        ),
    }
    for attribute, (usable, expected) in attributes.items():
        if not usable:
            raise UsageError(
                f"metric {name!r}: {attribute} = {getattr(kind, attribute)!r:.80}; expected"
                f" {expected}. Mend the class {kind.__name__} of {home_of(kind)}"
            )


def is_mean(name: str) -> bool:
    """Whether a metric's value is the mean of its examples'; so is that of one not known here."""
    return not is_known(name) or metric_class(name).mean


def unit_of(name: str) -> str:
    """A metric's unit; that of one which is not installed here is its own scale."""
    from harness.metrics.base import OWN

    return metric_class(name).unit if is_known(name) else OWN


def known_better(name: str) -> Better | None:
    """Which end of a metric wins; None for a metric that is not installed here.

    Of a metric of the evaluate package the name alone says it; nothing is loaded.
    """
    if name.startswith(EXTERNAL):
        from harness.metrics.external import asked

        return asked(name.removeprefix(EXTERNAL)).better
    return metric_class(name).better if is_known(name) else None


def better_of(name: str) -> Better:
    """Which end of a metric wins; the higher one for a metric that is not installed here."""
    return known_better(name) or "higher"


def of_words(name: str) -> bool:
    """Whether a metric is on 0–100 or a scale of its own, as metrics of words are."""
    from harness.metrics.base import OWN

    return unit_of(name) in ("0–100", OWN)
