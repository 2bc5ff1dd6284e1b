"""What judges said of the runs of a board: preferences between two runs, scores of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.record import Record
from harness.record.judged import (
    ASPECTS,
    CRITERIA,
    Judged,
    Judging,
    judgings_of,
    requests,
    run_key,
    tried_as,
)
from harness.record.trials import TriedMetric
from harness.reports.runs.systems import Board, Run
from harness.reports.trial.marks import failed_metrics, trials_near
from harness.statistics import (
    MEAN,
    Interval,
    Panel,
    Preference,
    interval,
    judge,
    mean_rows,
    preference,
)


@dataclass(frozen=True)
class JudgedPair:
    """Two runs' texts, compared by a judge on one criterion.

    first, second: names of the runs.
    found: how often the first run's text is preferred.
    decided: examples with a verdict in both orders, or with equal texts.
    disagree: share of the examples asked about, in %, whose two orders disagree: ties.
    first_shown: share of verdicts, in %, for the text that is shown first; 50 without a bias.
    """

    first: str
    second: str
    judge: str
    criterion: str
    found: Preference
    decided: int
    disagree: float | None
    first_shown: float | None


@dataclass(frozen=True)
class JudgedRun:
    """Scores of one run's texts, 1 to 5: aspect → mean with its interval.

    failed: aspects that failed the judge's trial on these data.
    """

    run: str
    judge: str
    scores: Mapping[str, Interval]
    decided: int
    failed: Mapping[str, TriedMetric]


@dataclass(frozen=True)
class JudgeCost:
    """What one judging cost, and what failed.

    questions, failures, evidence: of the last reply to each question. failures: reason → questions
    without a verdict. evidence: share of quotes, in %, that are in the judged text.
    retries, requests, replies, tokens, seconds: of every time that a question was asked.
    counted: replies whose tokens the endpoint counted; tokens are None where there is none.
    seconds: summed over requests, which may run side by side.
    """

    about: str
    judge: str
    ask: str
    questions: int
    failures: Mapping[str, int]
    retries: Mapping[str, int]
    requests: int
    replies: int
    counted: int
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    evidence: float | None


@dataclass(frozen=True)
class Judgements:
    """All judgings of a board's runs. stale: messages on those of other texts."""

    pairs: tuple[JudgedPair, ...]
    runs: tuple[JudgedRun, ...]
    costs: tuple[JudgeCost, ...]
    stale: tuple[str, ...]


def judgements_of(board: Board) -> Judgements:
    """Everything that is kept below the runs' folders.

    Holm's correction covers all pairs and criteria. Raises DataError for a damaged file.
    """
    names = _names(board)
    asked, runs = list[tuple[tuple[str, str], Judged]](), list[JudgedRun]()
    costs, stale = list[JudgeCost](), list[str]()
    for run, judged in _all(board):
        judging, own = judged.judging, names[judged.judging.run][0]
        if run.record.texts not in (None, judging.texts):
            stale.append(f"{judged.folder}: judged other texts of this run; not shown")
            continue
        about = own
        if judging.ask == "aspects":
            runs.append(_scores(board, run, own, judged))
        elif others := _others(judging, names):
            asked += [((own, other), judged) for other in others]
            about = f"{own} − {', '.join(others)}"
        else:
            if judging.against in names:
                other, _ = names[judging.against]
                stale.append(f"{judged.folder}: judged other texts of {other}; not shown")
            continue  # the other run is not in this comparison
        costs.append(_cost(about, judged))
    panel = replace(board.panel, family=max(1, len(asked) * len(CRITERIA)))
    pairs = [
        _pair(board.ids, panel, names_of, judged, criterion)
        for names_of, judged in asked
        for criterion in CRITERIA
    ]
    tests = judge(one.found.test for one in pairs)
    pairs = [
        replace(one, found=replace(one.found, test=test))
        for one, test in zip(pairs, tests, strict=True)
    ]
    return Judgements(tuple(pairs), tuple(runs), tuple(costs), tuple(stale))


def _all(board: Board) -> Iterator[tuple[Run, Judged]]:
    for system in board.systems:
        for run in system.runs:
            for judged in judgings_of(run.folder):
                if judged.judging.run == run_key(run.record):
                    yield run, judged


def _others(judging: Judging, names: Mapping[str, tuple[str, Record]]) -> list[str]:
    """Names of the runs that have the other run's texts: itself, and those with the same ones."""
    return [
        name
        for key, (name, record) in names.items()
        if key != judging.run
        and (
            record.texts == judging.against_texts
            or (record.texts is None and key == judging.against)
        )
    ]


def _names(board: Board) -> dict[str, tuple[str, Record]]:
    """Run → its name in the report, with the seed where a system has several, and its record."""
    return {
        run_key(run.record): (
            system.name if len(system.runs) == 1 else f"{system.name}, seed {run.record.seed}",
            run.record,
        )
        for system in board.systems
        for run in system.runs
    }


def _pair(
    ids: Sequence[str], panel: Panel, names: tuple[str, str], judged: Judged, criterion: str
) -> JudgedPair:
    """One criterion. A pair whose two orders disagree is a tie.

    ids: the examples. panel: their users, and the size of the family.
    names: the two runs'.
    """
    replies, equal = judged.by_question, set(judged.judging.equal)
    wins: dict[str, float] = dict.fromkeys(equal, 0.5)
    longer, disagree = dict[str, int](), list[bool]()
    for key in ids:
        orders = [replies.get((key, swapped)) for swapped in (False, True)]
        verdicts = [one.wins(criterion) for one in orders if one is not None]
        known = [verdict for verdict in verdicts if verdict is not None]
        if len(known) < len(orders):
            continue
        disagree.append(known[0] != known[1])
        wins[key] = 0.5 if disagree[-1] else known[0]
        own, other = replies[key, False].characters
        longer[key] = own - other
    shown = Counter(one.better[criterion] for one in judged.replies if criterion in one.better)
    found = preference(
        [wins.get(key) for key in ids],
        [float(longer.get(key, 0)) for key in ids],
        panel,
    )
    return JudgedPair(
        *names,
        judge=judged.judging.judge,
        criterion=criterion,
        found=found,
        decided=len(wins),
        disagree=_share(sum(disagree), len(disagree)),
        first_shown=_share(shown["first"], shown["first"] + shown["second"]),
    )


def _scores(board: Board, run: Run, name: str, judged: Judged) -> JudgedRun:
    replies = judged.by_question
    judging = judged.judging
    tried = {each: tried_as(judging.judge, each, judging.prompt) for each in ASPECTS}
    trials = trials_near(run.folder.absolute().parents[2])
    failed = failed_metrics(trials, board.fingerprint, dict(tried.values()))
    found = [reply.scores if (reply := replies.get((key, False))) else {} for key in board.ids]
    return JudgedRun(
        name,
        judging.judge,
        {
            aspect: interval(MEAN, mean_rows([each.get(aspect) for each in found]), board.panel)
            for aspect in ASPECTS
        },
        sum(map(bool, found)),
        {aspect: failed[name] for aspect, (name, _) in tried.items() if name in failed},
    )


def _cost(about: str, judged: Judged) -> JudgeCost:
    replies, asked = judged.replies, judged.asked
    came = [one for one in asked if one.reply is not None]
    counts = [(one.prompt_tokens, one.completion_tokens) for one in came]
    known = [(prompt, said) for prompt, said in counts if prompt is not None and said is not None]
    quotes = sum(len(one.evidence) for one in replies)
    return JudgeCost(
        about=about,
        judge=judged.judging.judge,
        ask=judged.judging.ask,
        questions=len(replies),
        failures=dict(Counter(one.failure for one in replies if one.failure)),
        retries=dict(sum((Counter(one.retries) for one in asked), Counter[str]())),
        requests=requests(asked),
        replies=len(came),
        counted=len(known),
        prompt_tokens=sum(prompt for prompt, _ in known) if known else None,
        completion_tokens=sum(said for _, said in known) if known else None,
        seconds=sum(one.seconds for one in asked),
        evidence=_share(quotes - sum(len(one.not_in_text) for one in replies), quotes),
    )


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
