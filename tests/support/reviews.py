"""Made-up reviews as LongLaMP rows."""

from __future__ import annotations

import json
from pathlib import Path

WORDS = [
    "good",
    "bad",
    "fine",
    "solid",
    "cheap",
    "bright",
    "quiet",
    "sturdy",
    "handy",
    "plain",
    "warm",
    "light",
    "quick",
    "soft",
]
THINGS = ["lamp", "kettle", "chair", "radio", "clock", "bag", "knife", "brush"]


def made_up_rows(split: str, users: int, per_user: int = 1) -> list[dict[str, object]]:
    """LongLaMP rows of made-up reviews; every user has a favourite word."""
    rows: list[dict[str, object]] = []
    for user in range(users):
        favourite = WORDS[(user + len(split)) % len(WORDS)]
        for at in range(per_user):
            thing = THINGS[(user + at) % len(THINGS)]
            rows.append(
                {
                    "reviewerId": f"{split}-user-{user}",
                    "input": "Generate the review text written by a reviewer who has a given an"
                    f' overall rating of "5.0" for a product with description "{thing} {at}". The'
                    f' summary of the review text is "{favourite} {thing}".',
                    "output": f"This {thing} is {favourite} and {favourite} again. I {at} would say"
                    f" it is {favourite}, truly {favourite}, for {split} number {user}.",
                    "profile": [
                        {
                            "overall": 5.0,
                            "description": f"{other} one",
                            "summary": f"{favourite}!",
                            "reviewText": f"My {other} is {favourite}, so {favourite}. No. {user}.",
                        }
                        for other in THINGS[at : at + 3]
                    ],
                }
            )
    return rows


def write_rows(folder: Path, splits: dict[str, list[dict[str, object]]]) -> Path:
    """One task's folder of JSON Lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return folder
