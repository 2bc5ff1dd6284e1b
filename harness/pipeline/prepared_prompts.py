"""Prompts of many examples: made once, by all cores, and cached by all that shapes them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.content import LARGE, characters_of, profile_digest, task_digest
from harness.data.prepared import prepared
from harness.data.processes import by_processes
from harness.engine.template import describe_template, template_source
from harness.inputs.imports import closure, content_sha256
from harness.inputs.models import model_sha256
from harness.inputs.provenance import method_sources
from harness.method import Method
from harness.pipeline.encoded_prompt import Part
from harness.record.digest import json_sha256
from harness.registry import find
from harness.types import Cut, Example

if TYPE_CHECKING:
    from harness.pipeline.plan import Plan

FORMAT = 1
"""Increase it when the files change, so that older caches are ignored."""
MANY = 500
"""Examples from which prompts are cached, or from LARGE profiles: fewer take seconds."""
TOGETHER = 32
"""Examples that a process encodes before it sends them back."""
AGAIN = 8
"""Cached prompts that are made again, to see that the cache's key misses nothing."""
IDS, HEADS, TEXTS = "ids.npy", "heads.json", "texts.json"
PACKAGES = ("tokenizers", "transformers", "rank-bm25", "numpy", "jinja2")

log = logging.getLogger(__name__)


Encode = Callable[[Example], Part]
"""Makes one prompt."""


def is_prepared(plan: Plan, examples: Sequence[Example]) -> bool:
    """Whether the prompts of these examples are cached: they take long to make, and `prompt` is all
    that makes them. What a method generates in `prepare` belongs to its run."""
    if type(plan.method).prepare is not Method.prepare or plan.settings.model.api:
        return False
    return len(examples) >= MANY or characters_of(one.profile for one in examples) >= LARGE


def prepared_parts(
    plan: Plan, examples: Sequence[Example], encode: Encode, fresh: bool
) -> list[Part]:
    """The prompts of examples, in order, from the cache where they are in it.

    plan: the run.
    examples: of any split.
    encode: makes one prompt.
    fresh: make all of them again.
    """

    def make(folder: Path) -> None:
        _write(folder, _all(examples, encode, parallel=plan.settings.retrieval.ranking != "dense"))

    get = partial(prepared, "prompts", _key(plan, examples), make, _read)
    found = get(fresh=fresh)
    places = sorted({round(at) for at in np.linspace(0, len(examples) - 1, AGAIN)})
    if all(found[at] == encode(examples[at]) for at in places):
        return found
    log.warning("the prompts in the cache are not those of today; making them again")
    return get(fresh=True)


def _key(plan: Plan, examples: Sequence[Example]) -> list[object]:
    """All that shapes the prompts."""
    settings, method, tokenizer = plan.settings, type(plan.method), plan.backbones.tokenizer
    own = method.prompt is not Method.prompt
    sources = closure(["harness.data.prompt", "harness.engine.text"])
    if own:
        sources |= method_sources(method, settings.method)
    dense = settings.retrieval.dense_model if settings.retrieval.ranking == "dense" else None
    template = repr(tokenizer.harness_template), describe_template(tokenizer)
    return [
        FORMAT,
        [[one.id, one.user_id, one.input, profile_digest(one.profile)] for one in examples],
        [settings.model_dump(mode="json")[section] for section in ("retrieval", "budget")],
        task_digest(find("task", settings.task)),
        [method.__qualname__, dict(settings.method)] if own else None,
        content_sha256(sources),
        tokenizer_key(plan),
        [template_source(tokenizer), *template],
        model_sha256(dense) if dense else None,
        [version(name) for name in PACKAGES],
    ]


def tokenizer_key(plan: Plan) -> list[str]:
    """All that shapes the tokens of a text without a template."""
    tokenizer = plan.backbones.tokenizer
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    vocabulary = backend.to_str() if backend else plan.inputs.backbone
    return [type(tokenizer).__name__, json_sha256(vocabulary)]


def _all(examples: Sequence[Example], encode: Encode, *, parallel: bool) -> Iterable[Part]:
    """The prompts in order, by as many processes as there are cores.

    An encoder for dense retrieval uses all cores in one process.
    """
    if not parallel:
        return map(encode, examples)
    return _by_processes(examples, encode)


def _by_processes(examples: Sequence[Example], encode: Encode) -> Iterable[Part]:
    """As `map(encode, examples)`."""

    def from_start(start: int) -> list[Part] | None:
        """The next prompts; None where one cannot be made."""
        try:
            return list(map(encode, examples[start : start + TOGETHER]))
        except Exception:  # of a plugin; this process makes it again and reports it
            return None

    starts = range(0, len(examples), TOGETHER)
    for start, parts in zip(starts, by_processes(from_start, starts), strict=True):
        # an error is raised here, where its message is complete
        yield from parts or map(encode, examples[start : start + TOGETHER])


def _write(folder: Path, parts: Iterable[Part]) -> None:
    heads, texts, ids = [], [], []
    for part in parts:
        sizes = {name: len(view) for name, view in part.views.items()}
        heads.append([sizes, part.cut.entries, part.cut.tokens, part.tied])
        texts.append(part.text)
        ids += [np.array(view, np.int32) for view in part.views.values()]
    np.save(folder / IDS, np.concatenate(ids) if ids else np.empty(0, np.int32))
    for name, values in ((HEADS, heads), (TEXTS, texts)):
        (folder / name).write_text(json.dumps(values), encoding="utf-8")


def _read(folder: Path) -> list[Part]:
    heads, texts = (json.loads((folder / name).read_bytes()) for name in (HEADS, TEXTS))
    ids = np.load(folder / IDS)
    parts, start = [], 0
    for (sizes, entries, tokens, tied), text in zip(heads, texts, strict=True):
        views = {}
        for name, size in sizes.items():
            views[name] = tuple(ids[start : start + size].tolist())
            start += size
        parts.append(Part(views, Cut(entries, tokens), text, tied))
    return parts
