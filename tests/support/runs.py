"""Small runs on the made-up reviews, and what of them may be compared."""

import json

from harness.pipeline.single import run
from harness.record import RECORD, read_predictions
from harness.record.storage import CHECKSUM
from harness.settings import build_settings


class StopNowError(Exception):
    pass


def stop_now(*_, **__):
    """What stands for a function in which a run is killed."""
    raise StopNowError


def settings(reviews, backbone, method="sft", *assignments, **options):
    return build_settings(
        "mini",
        [
            f"data.source={reviews}",
            f"model.backbone={backbone}",
            "train.lr=1e-3",
            "train.epochs=1",
            "train.batch_size=3",
            "budget.profile=80",
            "decode.max_new_tokens=6",
            "decode.batch_size=3",
            "decode.temperature=0",
            "eval.resamples=100",
            "eval.floors=false",
            "eval.relative=false",
            'eval.metrics=["bleu","rouge1"]',
            *assignments,
        ],
        options,
    )


def go(tmp_path, reviews, backbone, method="sft", *assignments, **options):
    chosen = settings(reviews, backbone, method, *assignments, **options)
    return run(chosen, method, tmp_path / "results", command="harness run …")


def edit_record(folder, **fields):
    """Change fields of a record on purpose: without its checksum."""
    path = folder / RECORD
    known = json.loads(path.read_text("utf-8"))
    known.pop(CHECKSUM)
    path.write_text(json.dumps({**known, **fields}), "utf-8")


def texts(outcome):
    return [(text.id, text.sample, text.output) for text in read_predictions(outcome.folder)]


TIMES = {
    "started", "phases", "peak_memory_mib", "seconds", "seconds_total", "tokens_per_s",
    "time_to_first_token_s", "time_per_step_s", "decode_s", "preface_s", "batches_timed",
    "time_to_first_token_quartiles_s", "time_per_step_quartiles_s", "examples_timed",
    "seconds_per_example", "end_to_end_s", "end_to_end_quartiles_s", "latent_s", "preface_timed",
    "step_s", "step_quartiles_s", "wall_s",
    "checksum", "code",  # a commit may be made between two runs of a test
}  # fmt: skip


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value
