"""Full-size data: what a start costs, author identification, scoring against the libraries alone.

    python -m benchmarks.full_size [--scale 0.25] [--parts authors,prompts,limit,score]
        [--format jsonl|jsonl.gz|json|csv|parquet] [--out FILE]

Writes data of LongLaMP's sizes (`full_size_data`) to a temporary folder, and measures each part in
processes of its own: CPU seconds with those of child processes, wall seconds, peak memory. "first"
starts with empty caches, "second" with those that it left. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.full_size_data import WRITERS, write_data

SHORT = (
    "eval.likelihood=false",
    "budget.input=100",
    "budget.target=320",
    "decode.max_new_tokens=16",
)
"""Settings with which rows of other data fit the backbone of mini."""
COSTS = ("cpu_s", "wall_s", "peak_mib")
"""What is measured of each process."""


def main(given: Sequence[str] | None = None) -> None:
    """Measure the chosen parts, or be the child process that does the work of one."""
    parser = argparse.ArgumentParser("full_size", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows (default: 1)")
    parser.add_argument("--parts", default=",".join(PARTS), help="separated by commas")
    parser.add_argument("--format", choices=WRITERS, default="jsonl", help="of the data (jsonl)")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(given)
    if chosen.child:
        print(json.dumps(CHILDREN[chosen.child](chosen.data)))
        return
    found: dict[str, Any] = {"scale": chosen.scale, "format": chosen.format}
    found |= {"machine": machine(), "parts": {}}
    with tempfile.TemporaryDirectory(prefix="full-size-") as place:
        for name in chosen.parts.split(","):
            task, measure = PARTS[name]
            data = Path(place) / task
            if not data.is_dir():
                write_data(data, task, chosen.scale, chosen.format)
            shutil.rmtree(Path(place) / "caches", ignore_errors=True)
            found["parts"][name] = measure(data, Path(place) / "caches")
            text = json.dumps(found, indent=1)
            if chosen.out:
                chosen.out.write_text(text + "\n", encoding="utf-8")
    print(text)


def machine() -> dict[str, object]:
    """What times depend on."""
    from harness.inputs.provenance import processor

    threads = os.environ.get("OMP_NUM_THREADS")
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load": os.getloadavg()[0],
    }


def run_child(words: Sequence[str], caches: Path, threads: int | None = None) -> dict[str, Any]:
    """Run a command; its costs with those of its children, and what it printed as JSON, if any.

    threads: for OMP_NUM_THREADS, instead of what is set.
    """
    places = {"HARNESS_CACHE": caches / "harness", "HF_DATASETS_CACHE": caches / "datasets"}
    environment = {**os.environ, **{name: str(path) for name, path in places.items()}}
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen([sys.executable, "-m", *words], stdout=out, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if child.returncode:
        raise SystemExit(f"{' '.join(words)}: exit code {child.returncode}")
    costs = {
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "wall_s": round(time.monotonic() - begun, 2),
        "peak_mib": round(usage.ru_maxrss / 1024),
    }
    return costs | (json.loads(text) if text.startswith("{") else {})


def twice(words: Sequence[str], caches: Path) -> dict[str, Any]:
    """A command with empty caches, then with those that it left."""
    return {name: run_child(words, caches) for name in ("first", "second")}


def authors(data: Path, caches: Path) -> dict[str, Any]:
    """Author identification of all test texts."""
    return twice(["benchmarks.full_size", "--child", "authors", "--data", str(data)], caches)


def prompts(data: Path, caches: Path) -> dict[str, Any]:
    """From the start to the first optimizer step of sft on the whole training split."""
    return twice(["benchmarks.full_size", "--child", "prompts", "--data", str(data)], caches)


def limit(data: Path, caches: Path) -> dict[str, Any]:
    """`harness run --method rag --limit 8`, with floors."""
    found = {}
    for name in ("first", "second"):
        with tempfile.TemporaryDirectory() as out:
            words = ["harness", "run", "--method", "rag", "--limit", "8", "--data", str(data)]
            more = ["--task", data.name, "--out", out]
            sets = [word for each in SHORT for word in ("--set", each)]
            found[name] = run_child([*words, *more, *sets], caches)
    return found


def score(data: Path, caches: Path) -> dict[str, Any]:
    """`harness score` without floors and authors, and sacrebleu, rouge-score and NLTK alone.

    ratio: CPU seconds of `harness score` with one core over those of the libraries.
    faster: its wall seconds with one core over those with all cores.
    """
    predictions = data / "predictions.jsonl"
    rows = [json.loads(line) for line in (data / "test.jsonl").open(encoding="utf-8")]
    texts = [row["output"] for row in rows]
    child = ["benchmarks.full_size", "--child", "ids", "--data", str(data)]
    ids = run_child(child, caches)["ids"]  # also fills the cache of rows
    lines = zip(ids, [*texts[1:], texts[0]], strict=True)
    predictions.write_text(
        "".join(json.dumps({"id": name, "output": text}) + "\n" for name, text in lines), "utf-8"
    )
    words = ["harness", "score", str(predictions), "--data", str(data), "--task", data.name]
    words += ["--json", "--set", "eval.floors=false", "--set", "eval.authors=false"]
    child = ["benchmarks.full_size", "--child", "libraries", "--data", str(data)]
    alone, one, every = (
        run_child(asked, caches, threads)
        for asked, threads in ((child, 1), (words, 1), (words, os.cpu_count()))
    )
    costs = {"score": one, "score_all_cores": every, "libraries": alone}
    return {name: {key: each[key] for key in COSTS} for name, each in costs.items()} | {
        "ratio": round(one["cpu_s"] / alone["cpu_s"], 2),
        "faster": round(one["wall_s"] / every["wall_s"], 2),
    }


def settings(data: Path, *more: str) -> Any:
    from harness.settings import build_settings

    return build_settings("mini", [f"data.source={data}", f"task={data.name}", *more])


def _ids(data: Path) -> dict[str, Any]:
    from harness.data import load_split

    return {"ids": [one.id for one in load_split(settings(data), "test").examples]}


def _authors(data: Path) -> dict[str, Any]:
    from harness.data import load_split
    from harness.pipeline.evaluate.author_identification import author_identification

    test = load_split(settings(data), "test")
    ids = [one.id for one in test.examples]
    texts = [test.references[key].text for key in (*ids[1:], ids[0])]
    begun, wall = time.process_time(), time.monotonic()
    found, _ = author_identification(test, [dict(zip(ids, texts, strict=True))], 2000)
    assert found.characters is not None
    return {
        "examples": len(ids),
        "identification_cpu_s": round(time.process_time() - begun, 2),
        "identification_wall_s": round(time.monotonic() - wall, 2),
        "mrr": found.characters.mrr.value,
    }


class FirstStepError(Exception):
    """The first optimizer step is done."""


def _prompts(data: Path) -> dict[str, Any]:
    """Ends at the first optimizer step."""
    from harness.pipeline import training
    from harness.pipeline.single import run

    def stop(*_: Any, **__: Any) -> Callable[..., None]:
        def first(*_: Any, **__: Any) -> None:
            raise FirstStepError

        return first

    training.step_bar = stop
    more = ["train.lr=1e-4", "train.epochs=1", "data.limit=8", *SHORT]
    with tempfile.TemporaryDirectory() as out:
        try:
            run(settings(data, *more), "sft", Path(out))
        except FirstStepError:
            return {}
    raise SystemExit("no step was taken")


def _libraries(data: Path) -> dict[str, Any]:
    """BLEU, ROUGE and METEOR of the same texts by their libraries, as their pages show it."""
    from nltk.translate.meteor_score import meteor_score
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU

    from harness.metrics.meteor import _lexicon, meteor_tokens

    rows = [json.loads(line) for line in (data / "test.jsonl").open(encoding="utf-8")]
    references = [row["output"] for row in rows]
    texts = [*references[1:], references[0]]
    BLEU().corpus_score(texts, [references])
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"])
    synonyms, stemmer = _lexicon()
    for text, reference in zip(texts, references, strict=True):
        scorer.score(reference, text)
        words = [meteor_tokens(each) for each in (reference, text)]
        meteor_score(words[:1], words[1], stemmer=stemmer, wordnet=synonyms)
    return {}


CHILDREN: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "authors": _authors,
    "prompts": _prompts,
    "ids": _ids,
    "libraries": _libraries,
}
PARTS: Mapping[str, tuple[str, Callable[[Path, Path], dict[str, Any]]]] = {
    "authors": ("abstract_generation", authors),
    "prompts": ("product_review", prompts),
    "limit": ("abstract_generation", limit),
    "score": ("abstract_generation", score),
}
"""Part → the task whose data it takes, and what measures it."""

if __name__ == "__main__":
    main()
