"""Views of a run whose model is behind an API: likelihood where the server gives log-probs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from harness.engine.clock import Phases
from harness.engine.endpoint.client import Client
from harness.engine.endpoint.concurrent import as_they_end
from harness.engine.endpoint.failures import RequestFailedError
from harness.engine.endpoint.replies import NoLogprobsError, echoed_logprobs, prompt_logprobs
from harness.engine.endpoint.requests import echo_request, prompt_request
from harness.engine.text import encode_response
from harness.metrics.likelihood import TokenLogprobs, likelihood_summary
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.evaluate.kept_values import KeptValues
from harness.pipeline.evaluate.profile_swap import Reader, swapped_profiles
from harness.pipeline.evaluate.reference_likelihood import by_slice
from harness.pipeline.evaluate.text_views import evaluate_authors, evaluate_texts
from harness.pipeline.evaluate.texts import samples_of
from harness.pipeline.job import Job
from harness.pipeline.served.generate import prediction_of
from harness.pipeline.served.plan import ServedPlan
from harness.record import Record
from harness.types import Prediction

T = TypeVar("T")
NO_TOKENIZER = (
    "log-probs of a reference need the model's tokens: --set model.tokenizer=FOLDER, and a server"
    " that gives log-probs of prompts (vLLM does)"
)
NO_ECHO = (
    "{found}. Expected a server that gives log-probs of prompts: vLLM by /chat/completions"
    " (prompt_logprobs), or by /completions with echo and logprobs"
)
TOO_LONG = "; if a text is too long for the model, lower budget.profile"


class NoLiftError(Exception):
    """A lift that cannot be computed; the message says why. view: "likelihood" or "texts"."""

    def __init__(self, view: str, reason: str) -> None:
        super().__init__(f"no lift on {view}: {reason}")
        self.view = view


@dataclass(frozen=True)
class Served:
    """A run at work whose model is behind an API; `kept` is what an earlier one had computed."""

    job: Job
    plan: ServedPlan
    client: Client
    kept: KeptValues

    def evaluate(self, texts: Sequence[Prediction], record: Record, phases: Phases) -> Record:
        """`record` with every view that the settings ask for and the server allows.

        texts: of the run.
        record: with its texts' counts.
        phases: takes the times.
        """
        options, samples = self.plan.settings.eval, samples_of(texts)
        with phases("scoring"), self.job.bars.waiting("scoring"):
            record = evaluate_texts(record, self.plan.test, samples, options)
        likelihood = options.likelihood
        if likelihood:
            with phases("likelihood"):
                record = self._likelihood(record)
                likelihood = record.likelihood is not None
        views = [view for view in options.lift if view == "texts" or likelihood]
        if views:
            with phases("lift"):
                record = self._lift(record, views, [text for text in texts if text.sample == 0])
        if options.authors:
            with phases("authors"):
                record = evaluate_authors(record, self.plan.test, samples, options)
        return record

    def _likelihood(self, record: Record) -> Record:
        """The record with the references' likelihood, or with the reason why there is none."""
        plan = self.plan
        try:
            if not plan.has_tokens:
                raise NoLogprobsError(NO_TOKENIZER)
            each = by_slice(plan, self.logprobs(plan.test_prompts))
        except NoLogprobsError as error:
            self.job.bars.say(f"no likelihood: {error}")
            api = record.backbone.api and replace(record.backbone.api, no_logprobs=str(error))
            return replace(record, backbone=replace(record.backbone, api=api))
        starts = plan.settings.eval.slices
        summary = likelihood_summary(list(each.values()), starts, plan.panel(each))
        return replace(record, likelihood=summary).with_values(likelihood=each)

    def _lift(self, record: Record, views: Sequence[str], texts: Sequence[Prediction]) -> Record:
        """The record with the lifts that can be computed, and why the others cannot.

        views: "likelihood", "texts" or both.
        texts: the first sample of each example.
        """
        own = {text.id: text.output for text in texts}
        reader = Reader(
            lambda: self.logprobs(self.plan.test_prompts),
            self.swapped_logprobs,
            self.swapped_texts,
            self.job.bars.track,
        )
        left, reasons = list(views), list[str]()
        failed = next((text for text in texts if text.error), None)
        if failed is not None and "texts" in left:
            said = " ".join(str(failed.error).split())
            left.remove("texts")
            reasons.append(str(NoLiftError("texts", f"example {failed.id} has no text: {said}")))
        while left:
            try:
                record = swapped_profiles(self.plan, record, left, own, reader)
                break
            except NoLiftError as error:  # what the other view has asked is kept
                left.remove(error.view)
                reasons.append(str(error))
        if not reasons:
            return record
        for reason in reasons:
            self.job.bars.say(reason)
        api = record.backbone.api and replace(record.backbone.api, no_lift="; ".join(reasons))
        return replace(record, backbone=replace(record.backbone, api=api))

    def logprobs(self, prompts: Sequence[EncodedPrompt]) -> dict[str, TokenLogprobs]:
        """id → log-probs of the reference after each prompt. Raises NoLogprobsError."""

        def values(encoded: EncodedPrompt) -> list[float]:
            try:
                return self._logprobs(encoded)
            except NoLogprobsError as error:
                raise NoLogprobsError(NO_ECHO.format(found=f"the server gave {error}")) from None
            except RequestFailedError as error:
                refused = f"the server refused example {encoded.example.id}: {_said(error)}"
                raise NoLogprobsError(NO_ECHO.format(found=refused) + TOO_LONG) from None

        return self._of_tokens(prompts, values)

    def swapped_logprobs(self, prompts: Sequence[EncodedPrompt]) -> dict[str, TokenLogprobs]:
        """The same after prompts with another profile. Raises NoLiftError."""

        def values(encoded: EncodedPrompt) -> list[float]:
            try:
                return self._logprobs(encoded)
            except NoLogprobsError as error:
                reason = f"{_swapped(encoded)}: the server gave {error}"
                raise NoLiftError("likelihood", reason) from None
            except RequestFailedError as error:
                reason = f"{_swapped(encoded)}: the server refused: {_said(error)}{TOO_LONG}"
                raise NoLiftError("likelihood", reason) from None

        return self._of_tokens(prompts, values)

    def _of_tokens(
        self,
        prompts: Sequence[EncodedPrompt],
        values: Callable[[EncodedPrompt], list[float]],
    ) -> dict[str, TokenLogprobs]:
        tokenizer, references = self.plan.backbones.tokenizer, self.plan.test.references
        return {
            key: TokenLogprobs(each, encode_response(tokenizer, references[key].text).ends)
            for key, each in self._asked("likelihood", prompts, values).items()
        }

    def _logprobs(self, encoded: EncodedPrompt) -> list[float]:
        """Log-probs of the reference's tokens after a prompt.

        Raises NoLogprobsError, and RequestFailedError where the request failed.
        """
        plan, address = self.plan, self.plan.address
        reference = plan.test.references[encoded.example.id].text
        response = encode_response(plan.backbones.tokenizer, reference).ids
        template = plan.template
        body = (
            prompt_request(address, encoded.text, reference, template)
            if address.chat
            else echo_request(address, encoded.prompt, response)
        )
        read = prompt_logprobs if address.chat else echoed_logprobs
        return read(self.client.post(body), encoded.prompt, response)

    def swapped_texts(self, prompts: Sequence[EncodedPrompt]) -> dict[str, str]:
        """id → the text for each prompt with another profile, with the seeds of the first sample.

        Raises NoLiftError where one cannot be had: an empty text in its place would score 0.
        """

        def text(encoded: EncodedPrompt) -> str:
            try:
                reply = self.client.post(self.plan.request(encoded, 0))
            except RequestFailedError as error:
                reason = f"{_swapped(encoded)}: the server refused: {_said(error)}{TOO_LONG}"
                raise NoLiftError("texts", reason) from None
            found = prediction_of(self.plan, encoded, 0, reply)
            if found.error:
                raise NoLiftError("texts", f"{_swapped(encoded)}: {found.error}")
            return found.output

        return self._asked("texts", prompts, text)

    def _asked(
        self, kind: str, prompts: Sequence[EncodedPrompt], ask: Callable[[EncodedPrompt], T]
    ) -> dict[str, T]:
        """id → what `ask` returns for its prompt; each is kept until the run ends."""
        items = {
            each.example.id: [kind, each.example.id, each.text, each.prompt] for each in prompts
        }
        missing = [each for each in prompts if not self.kept.has(items[each.example.id])]
        at_a_time = self.plan.settings.api.concurrent
        try:
            for encoded, answer in as_they_end(ask, missing, at_a_time, hurry=self.client.close):
                self.kept.batch(items[encoded.example.id], partial(list[T], [answer]))
        finally:
            self.client.reopen()  # another view may be possible
        found: dict[str, T] = {}
        for key, each in items.items():
            (found[key],) = self.kept.batch(each, tuple[T, ...])
        return found


def _said(error: RequestFailedError) -> str:
    """The server's words in a refusal. Raises the error where no answer came: that may pass."""
    if error.status is None:
        raise error
    return error.found


def _swapped(encoded: EncodedPrompt) -> str:
    """Which prompt of the profile swap this is."""
    kind = "another user's profile" if encoded.example.profile else "no profile"
    return f"example {encoded.example.id} with {kind}"
