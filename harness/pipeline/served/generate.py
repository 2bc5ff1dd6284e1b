"""Generation by a server: several requests at a time, each text on disk as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from threading import Event

from harness.engine.clock import middle
from harness.engine.endpoint.client import Client
from harness.engine.endpoint.concurrent import as_they_end
from harness.engine.endpoint.failures import RequestFailedError, StoppedError
from harness.engine.endpoint.replies import Reply
from harness.engine.reasoning_blocks import blocks, first_stop, outside
from harness.errors import UsageError
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.generation_costs import COSTS
from harness.pipeline.job import Job
from harness.pipeline.kept_texts import valid_predictions
from harness.pipeline.served.plan import ServedPlan
from harness.record import (
    PREDICTIONS,
    ApiInfo,
    Inference,
    append_lines,
    checked,
    read_state,
    write_lines,
    write_state,
)
from harness.record.digest import json_sha256
from harness.record.state import NO_TIMES
from harness.types import Prediction

MOST_FAILURES = 3
"""Requests in a row that fail for good before the run stops."""
WITHHELD = "content_filter"
DETAIL = 300
"""Characters of a refusal that are kept."""
NO_FLOPS = "the model is behind an API"


@dataclass
class ServedCosts:
    """What the server said and took, across resumed runs.

    text_seconds: of the request that gave each text, by `time_key`.
    seconds: as earlier versions kept them; not used, because nothing says of which texts they are.
    models, fingerprints, left_out, repeated: as in the record's `ApiInfo`.
    """

    text_seconds: dict[str, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    repeated: int = 0

    def add(self, reply: Reply) -> None:
        """Note who replied."""
        for known, name in ((self.models, reply.model), (self.fingerprints, reply.fingerprint)):
            if name is not None and name not in known:
                known.append(name)


Asked = tuple[EncodedPrompt, int]
"""A prompt and the number of a sample."""


def generate_served(
    job: Job, plan: ServedPlan, client: Client
) -> tuple[list[Prediction], Inference, ApiInfo]:
    """A prediction for every test example and sample, in file order; costs; what the server said.

    job: the run, for its messages.
    plan: its plan.
    client: sends the requests.

    Predictions on disk whose request is unchanged are kept; failed ones are asked for again. Raises
    UsageError where every request would fail, or several in a row did.
    """
    # 1. What every text's request is, and which texts are on disk
    asked = [
        (encoded, sample)
        for sample in range(plan.settings.decode.samples)
        for encoded in plan.test_prompts
    ]
    expected = {
        (encoded.example.id, sample): json_sha256(
            plan.address.url, plan.request(encoded, sample), sort_keys=True
        )[:16]
        for encoded, sample in asked
    }
    finished = valid_predictions(plan, expected, job.bars.say)
    times = plan.folder / COSTS
    stored = read_state(ServedCosts, times, job.bars.say, NO_TIMES) if finished else None
    costs, before = stored or ServedCosts(), stored.repeated if stored else 0
    # 2. The others, as they arrive
    waiting = [each for each in asked if (each[0].example.id, each[1]) not in finished]
    update = job.bars.track("generating", len(expected))
    for key, text, reply in _arriving(plan, client, waiting):
        costs.text_seconds.pop(time_key(text), None)  # of a text that this one replaces
        if reply is not None:
            costs.add(reply)
            if text.error is None:
                costs.text_seconds[time_key(text)] = reply.seconds
        costs.repeated = before + client.repeated
        costs.left_out = sorted({*costs.left_out, *client.left_out})
        finished[key] = checked(replace(text, fingerprint=expected[key]))
        append_lines(plan.folder / PREDICTIONS, [finished[key]])
        write_state(times, costs)
        update(len(finished), len(expected), f"{client.repeated} repeated")
    # 3. All of them in file order
    texts = [finished[key] for key in expected]
    write_lines(plan.folder / PREDICTIONS, texts)
    return texts, _inference(texts, costs), _info(plan, costs)


def _arriving(
    plan: ServedPlan, client: Client, waiting: Sequence[Asked]
) -> Iterator[tuple[tuple[str, int], Prediction, Reply | None]]:
    """(id, sample), the text and its reply as they arrive; a failed text is empty, without reply.

    After several failures in a row nothing is sent until the requests under way have ended: fast
    refusals overtake texts. Raises UsageError if none of these gave a text.
    """

    def ask(each: Asked) -> Reply | RequestFailedError:
        try:
            return client.post(plan.request(*each))
        except RequestFailedError as error:
            return error

    rest = {(encoded.example.id, sample): (encoded, sample) for encoded, sample in waiting}
    while rest:
        failures, stop = 0, Event()
        last: RequestFailedError | None = None  # the one that stopped the sending
        goes_on = False
        at_a_time = plan.settings.api.concurrent
        with closing(as_they_end(ask, [*rest.values()], at_a_time, stop, client.close)) as arriving:
            for (encoded, sample), answer in arriving:
                if isinstance(answer, StoppedError):
                    continue
                key = (encoded.example.id, sample)
                del rest[key]
                if isinstance(answer, Reply):
                    failures, goes_on = 0, goes_on or last is not None
                    yield key, prediction_of(plan, encoded, sample, answer), answer
                    continue
                failures += 1
                yield key, _empty(encoded, sample, str(answer)), None
                if failures == MOST_FAILURES and last is None:
                    last = answer
                    stop.set()
                    client.close()
        if last is not None:
            if not goes_on:
                raise UsageError(f"{MOST_FAILURES} requests in a row failed, the last one: {last}")
            client.reopen()


def prediction_of(
    plan: ServedPlan, encoded: EncodedPrompt, sample: int, reply: Reply
) -> Prediction:
    """The prediction in a reply, without reasoning blocks, cut at a stop string.

    plan: the run.
    encoded: the prompt.
    sample: its number.
    reply: of the server.
    """
    options = plan.settings.decode
    if reply.stopped == WITHHELD:
        said = f": {reply.refusal[:DETAIL]}" if reply.refusal else ""
        return _empty(
            encoded, sample, f"the server withheld the text (finish_reason {WITHHELD}){said}"
        )
    if reply.refusal and not reply.text:
        return _empty(encoded, sample, f"the model refused: {reply.refusal[:DETAIL]}")
    # 1. The blocks that the server left in the text, and the first stop string outside them
    taken_out = bool(reply.reasoning or reply.reasoning_tokens)  # a server's parser did
    spans, unclosed = blocks(reply.text, options.strip, None if taken_out else plan.opened)
    stop = first_stop(reply.text, [s for s in options.stop if isinstance(s, str)], spans)
    end = len(reply.text) if stop is None else stop
    spans = [(start, min(until, end)) for start, until in spans if start < end]
    text = "".join(reply.text[start:until] for start, until in outside(spans, end))
    hidden = "".join(reply.text[start:until] for start, until in spans)
    # 2. Tokens: the server's counts, else ours
    reasoning = reply.reasoning_tokens or plan.count(reply.reasoning + hidden)
    whole = reply.tokens if reply.tokens is not None else plan.count(text) + reasoning
    return replace(
        _empty(encoded, sample, None),
        output=text.lstrip() if spans else text,
        tokens=max(whole - reasoning, 0),
        hidden_tokens=reasoning,
        capped=reply.capped and stop is None,
        reasoning=reply.reasoning + hidden,
        reasoning_tokens=reasoning,
        unclosed=unclosed or (reply.capped and bool(reply.reasoning) and not reply.text),
    )


def _empty(encoded: EncodedPrompt, sample: int, error: str | None) -> Prediction:
    example = encoded.example
    return Prediction(example.id, example.user_id, "", 0, "", sample=sample, error=error)


def time_key(text: Prediction) -> str:
    """The name of a text in `ServedCosts`."""
    return f"{text.sample} {text.id}"


def _inference(texts: Sequence[Prediction], costs: ServedCosts) -> Inference:
    """The record's entry on inference: every text is a batch of its own.

    Times are of the texts whose time is known; so are the tokens that are divided by them.
    """

    def total(of: Callable[[Prediction], int]) -> int:
        return sum(map(of, texts))

    clocked = [text for text in texts if time_key(text) in costs.text_seconds]
    each = [costs.text_seconds[time_key(text)] for text in clocked]
    whole, quartiles = middle(each)
    seconds, timed = sum(each), len(each)
    return Inference(
        end_to_end_s=whole,
        end_to_end_quartiles_s=quartiles,
        seconds_per_example=seconds / timed if timed else None,
        tokens_per_s=sum(text.tokens for text in clocked) / seconds if seconds else None,
        batches_timed=timed,
        examples_timed=timed,
        batch_size=1,
        visible_tokens=total(lambda text: text.tokens),
        hidden_tokens=total(lambda text: text.hidden_tokens),
        reasoning_tokens=total(lambda text: text.reasoning_tokens),
        unclosed_reasoning=total(lambda text: text.unclosed),
        preface_tokens=0,
        preface_timed=0,
        preface_s=0.0 if timed else None,
        latent_thoughts_per_text=0,
        latent_s=0.0 if timed else None,
        flops_missing=NO_FLOPS,
    )


def _info(plan: ServedPlan, costs: ServedCosts) -> ApiInfo:
    return ApiInfo(
        url=plan.address.url,
        chat=plan.address.chat,
        models=tuple(costs.models),
        fingerprints=tuple(costs.fingerprints),
        left_out=tuple(costs.left_out),
        concurrent=plan.settings.api.concurrent,
        repeated=costs.repeated,
    )
