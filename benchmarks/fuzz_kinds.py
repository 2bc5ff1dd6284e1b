"""The five kinds of input of fuzz.py: a valid one, how it is damaged, and what reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.mutate import damaged, damaged_bytes, written

Case = Callable[[Random], None]
"""Makes a damaged input and reads it."""
TASK = "product_review"
BYTES = 0.15
"""Share of cases whose bytes are damaged, not the values that they spell."""


class Whole(Random):
    """Instead of a random stream: leaves every input as it is."""


def _spoilt(value: Any, draw: Random) -> bytes:
    """One JSON value with damage to its structure or to its bytes."""
    if isinstance(draw, Whole):
        return json.dumps(value).encode()
    if draw.random() < BYTES:
        return damaged_bytes(json.dumps(value).encode(), draw)
    return written(damaged(value, draw)).encode("utf-8", "surrogatepass")


def _spoilt_lines(values: list[Any], draw: Random) -> bytes:
    """JSON Lines with one damaged line, or one that is repeated."""
    lines = [json.dumps(value).encode() for value in values]
    at = draw.randrange(len(lines))
    if draw.random() < 0.05 and not isinstance(draw, Whole):
        lines[at] = lines[at - 1]
    else:
        lines[at] = _spoilt(values[at], draw)
    return b"\n".join(lines) + b"\n"


def rows(folder: Path) -> Case:
    """A folder of reviews whose test split is damaged: `run --dry-run` up to its prompts."""
    from harness.data import PromptWriter, load_split, token_offsets
    from harness.engine.backbone import Backbones
    from harness.engine.quiet import quiet_libraries
    from harness.registry import find
    from harness.settings import build_settings
    from tests.support.reviews import made_up_rows, write_rows

    quiet_libraries()
    good = made_up_rows("test", 3)
    write_rows(folder, {split: made_up_rows(split, 2) for split in ("train", "val")})
    settings = build_settings("mini", options={"data": {"source": str(folder)}})
    writer = PromptWriter(
        find("task", TASK), settings.retrieval, settings.budget,
        token_offsets(Backbones(settings.model).tokenizer),
    )  # fmt: skip

    def case(draw: Random) -> None:
        (folder / "test.jsonl").write_bytes(_spoilt_lines(good, draw))
        split = load_split(settings, "test")
        for example in split.examples:
            json.dumps([writer.write(example).views["main"], example.id]).encode()
            (example.id + example.user_id + split.references[example.id].text).encode()

    return case


def predictions(folder: Path) -> Case:
    """Texts made elsewhere, in both formats, and a run's own file of predictions."""
    from dataclasses import asdict

    from harness.data.outputs import read_outputs
    from harness.record import PREDICTIONS, read_predictions, texts_digest
    from tests.support.synthetic import made_up, texts

    own = [asdict(text) for text in texts(made_up(TASK, "rag", examples=4), 8)]
    lines = [{"id": text["id"], "output": text["output"]} for text in own]
    path = folder / PREDICTIONS

    def case(draw: Random) -> None:
        way = draw.randrange(3)
        if way == 0:
            path.write_bytes(_spoilt_lines(own, draw))
            texts_digest(read_predictions(folder))
            return
        whole = {"task": TASK, "golds": lines}
        path.write_bytes(_spoilt(whole, draw) if way == 1 else _spoilt_lines(lines, draw))
        for key, text in read_outputs(path, TASK).texts.items():
            (key + text).encode()

    return case


def records(folder: Path) -> Case:
    """A record beside a good one: tables of the terminal, the comparison, its page and files."""
    from rich.console import Console

    from harness.cli.outcome import notices, print_scores
    from harness.record import RECORD, read_record
    from harness.record.storage import CHECKSUM
    from harness.reports.compare_runs import compare
    from harness.reports.render.pages import to_html, to_markdown
    from harness.reports.render.report_files import TABLES
    from tests.support.synthetic import write_runs

    kept = write_runs(
        folder, ["sft", "flythinker"], [TASK], examples=4, words=8, following=True, full=True
    )
    goods = {place: json.loads((place / RECORD).read_text()) for place in kept}
    for good in goods.values():
        del good[CHECKSUM]  # it would refuse every case before its values are read

    def case(draw: Random) -> None:
        spoilt = draw.choice(kept)
        for place, good in goods.items():
            raw = _spoilt(good, draw) if place == spoilt else json.dumps(good).encode()
            (place / RECORD).write_bytes(raw)
        record = read_record(spoilt)
        notices(record)
        print_scores(Console(file=StringIO()), record, "a record")
        document = compare([folder])
        to_html(document).encode()
        to_markdown(document).encode()
        for section in document.sections:
            for table in section.tables:
                for render in TABLES.values():
                    render(table).encode()
        json.dumps(document.facts, allow_nan=False, ensure_ascii=False).encode()

    return case


def submissions(folder: Path) -> Case:
    """A row of a board: `leaderboard verify` without data, and the page of `build`."""
    from harness.leaderboard.board import read_board
    from harness.leaderboard.build import build
    from harness.leaderboard.duplicates import Originals
    from harness.leaderboard.untrusted import read_texts
    from harness.leaderboard.verify_rows import verify_row
    from tests.support.boards import add_row, make_board, rules, submission, texts_for

    board = make_board(folder / "boards", rules(users=6))
    good = submission(rules(users=6), 1)
    texts = texts_for(good, words=2)
    row = add_row(board, good, texts)

    def case(draw: Random) -> None:
        whole = draw.random() < 0.7
        raw = _spoilt(good, draw) if whole else json.dumps(good).encode()
        (row / "submission.json").write_bytes(raw)
        lines = [json.dumps(text).encode() for text in texts]
        raw = b"\n".join(lines) if whole else _spoilt_lines(texts, draw)
        (row / "predictions.jsonl").write_bytes(raw)
        build(folder / "boards", folder / "page")  # a bad row is left out, and never an error
        place = read_board(board)
        read_texts(row)
        verify_row(place, row, None, Originals(place))

    return case


def settings(folder: Path) -> Case:
    """Settings as `--set` words, as run files in TOML and YAML, and of an older record."""
    from harness.settings import RunSettings, build_settings, load_preset, validate
    from harness.settings.run_file import read_run_file, run_file_text

    good = build_settings("mini").model_dump(mode="json")
    flat = [
        f"{section}.{key}" for section, values in good.items() if isinstance(values, Mapping)
        for key in values
    ] + ["seed", "task", "method.lam", "method", "nothing", "data.", ".", "a.b.c.d"]  # fmt: skip

    asked = {"methods": ["sft", "rag"], "seeds": [0, 1], **load_preset("mini"),
             "runs": [{"task": TASK, "train": {"lr": 0.1}}]}  # fmt: skip
    plain = build_settings("mini")
    changed = build_settings("mini", ["train.lr=0.5", 'decode.stop=["a", 3]', "data.limit=4"])
    toml = run_file_text(changed, plain, "sft") + "\n[[runs]]\nseeds = [1, 2]\n"

    def case(draw: Random) -> None:
        if isinstance(draw, Whole):
            return
        way = draw.randrange(4)
        if way == 3:
            name, text = ("run.toml", toml) if draw.random() < 0.5 else ("run.yaml", "")
            path = folder / name
            path.write_bytes(_spoilt_toml(text, draw) if text else _spoilt(asked, draw))
            read_run_file(path)
            return
        if way == 0:
            word = json.dumps(damaged([draw.choice(flat)], draw))
            values = [f"{draw.choice(flat)}={_toml(draw)}" for _ in range(2)]
            found = build_settings("mini", [*values, *([word] if draw.random() < 0.05 else [])])
        elif way == 1:
            found = build_settings("mini", options=damaged(load_preset("mini"), draw))
        else:
            found = validate(RunSettings, damaged(good, draw))
        found.digest()
        found.model_dump_json()

    return case


def _spoilt_toml(text: str, draw: Random) -> bytes:
    """A run file with damaged bytes, or with one line's value replaced, repeated or removed."""
    if draw.random() < 0.4:
        return damaged_bytes(text.encode(), draw)
    lines = text.splitlines()
    at = draw.randrange(len(lines))
    key, equals, _ = lines[at].partition("=")
    new = f"{key}{equals} {_toml(draw)}" if equals else draw.choice(("[x]", "[[runs]]", "]", "="))
    lines[at : at + 1] = draw.choice(([], [new], [new], [new], [lines[at]] * 2))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _toml(draw: Random) -> str:
    """The right side of an assignment."""
    value = written(damaged({"x": [1, "a", 0.5, True]}, draw)).partition(":")[2].strip(" }")
    return draw.choice((value, value[: draw.randrange(len(value) + 1)], "1_0", "2025-01-01", "{}"))


KINDS: Mapping[str, Callable[[Path], Case]] = {
    "rows": rows,
    "predictions": predictions,
    "records": records,
    "submissions": submissions,
    "settings": settings,
}
