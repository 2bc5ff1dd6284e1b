"""The plan of a run whose model is behind an API."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.engine.endpoint.address import Address, address_of
from harness.engine.endpoint.requests import text_request
from harness.engine.template import Template, describe_template
from harness.engine.text import encode_prompt
from harness.engine.visible_text import opened_block
from harness.errors import UsageError
from harness.method import Factory, Method, made
from harness.pipeline.encoded_prompt import EncodedPrompt, Part
from harness.pipeline.generator import example_seed
from harness.pipeline.plan import Plan
from harness.registry import find
from harness.types import Example

if TYPE_CHECKING:
    from harness.settings import RunSettings


class ServedPlan(Plan):
    """A plan whose prompts are texts; with `model.tokenizer` also tokens.

    Raises UsageError for a method that needs a model's weights.
    """

    def __init__(
        self,
        settings: RunSettings,
        method_name: str,
        results: Path,
        factory: Factory | None = None,
    ) -> None:
        factory = factory or find("method", method_name)
        self.address = address_of(settings.model.backbone)
        _refuse(made(factory, settings), self.address)
        super().__init__(settings, method_name, results, factory)

    @property
    def has_tokens(self) -> bool:
        """Whether the model's tokenizer is known."""
        return self.settings.model.tokenizer is not None

    @cached_property
    def about_text(self) -> dict[str, Any]:
        """The rendered chat template, where it is applied here; the server applies its own."""
        if self.address.chat or not self.has_tokens:
            return {}
        return {"template": describe_template(self.backbones.tokenizer)}

    @property
    def advice(self) -> None:
        """Nothing: the server's generation_config is not known."""
        return

    @cached_property
    def test_prompts(self) -> list[EncodedPrompt]:
        """The test prompts."""
        return self.encode(self.test.examples)

    def _part(self, example: Example) -> Part:
        prompt = self.method.prompt(example)
        main = self._main_view(example, prompt)
        ids = tuple(encode_prompt(self.backbones.tokenizer, main)) if self.has_tokens else ()
        return Part({"main": ids}, prompt.cut, main, prompt.tied)

    def request(self, encoded: EncodedPrompt, sample: int) -> dict[str, Any]:
        """The request for a text: a user's turn for /chat/completions; for /completions the
        prompt's tokens where they are known, else its text and a newline."""
        prompt = encoded.text if self.address.chat else encoded.prompt or f"{encoded.text}\n"
        seed = example_seed(self.settings.seed, encoded.example.id, sample)
        return text_request(self.address, prompt, self.settings.decode, seed, self.template)

    @cached_property
    def template(self) -> dict[str, Any]:
        """What the server's chat template is given: the user's arguments, and a date if set."""
        model = self.settings.model
        return Template.of(model.template_date, model.template_args).variables

    @cached_property
    def opened(self) -> str | None:
        """The reasoning block in which texts begin, as far as the template is known here."""
        if not self.has_tokens:
            return None
        return opened_block(self.backbones.tokenizer, self.settings.decode.strip)

    def count(self, text: str) -> int:
        """Tokens of a text, as budgets count them."""
        return len(self.backbones.offsets(text))


def plan_of(
    settings: RunSettings,
    method_name: str,
    results: Path,
    factory: Factory | None = None,
) -> Plan:
    """The plan of a run, with weights or of a model behind an API; arguments as of `Plan`."""
    kind = ServedPlan if settings.model.api else Plan
    return kind(settings, method_name, results, factory)


def refuse_a_server(plan: Plan, processes: int) -> None:
    """Raises UsageError for several processes in front of a model behind an API."""
    if processes > 1 and isinstance(plan, ServedPlan):
        raise UsageError(
            f"--processes {processes}: {plan.settings.model.backbone} is a model behind an API;"
            " expected one process, which asks for many texts at once\n"
            "  mend      leave out --processes; --set api.concurrent=N says how many"
        )


def _refuse(method: Method, address: Address) -> None:
    """Raises UsageError for a method that needs weights, or a view that does."""
    kind = type(method)
    own = [
        name for name in ("build", "preface") if getattr(kind, name) is not getattr(Method, name)
    ]
    if method.trains or own:
        what = "trains its model" if method.trains else f"has its own {own[0]}()"
        raise UsageError(
            f"method {method.name!r} {what}, which needs the weights; {address} is a model behind"
            " an API\n"
            "  mend      --method nonpers or rag, or the model's weights: --backbone FOLDER"
        )
    if method.settings.eval.forced:
        raise UsageError(
            f"eval.forced: continuations need the weights; {address} is a model behind an API\n"
            "  mend      --set eval.forced=false, or the model's weights: --backbone FOLDER"
        )
