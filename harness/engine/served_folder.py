"""What a folder with a model must say so that another tool prompts and stops it as the run did."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from harness.engine.ends import Ends
from harness.engine.template import Template, template_source
from harness.types import Tokenizer


def give_ends(model: Any, ends: Ends) -> None:
    """Make a model's generation_config name all single tokens that end the run's texts.

    The trained end is the first. Servers stop at these tokens and at the tokenizer's end alone.
    """
    first = [each for each in ends.trained if each in ends.ids]
    model.generation_config.eos_token_id = [*first, *sorted(ends.ids - {*first})]


def with_fixed_template(tokenizer: Tokenizer) -> Tokenizer:
    """A tokenizer whose own chat template renders what the run rendered: its arguments and date.

    Arguments and `date_string` become defaults, which a request may still replace; the clock stands
    still.
    """
    source = template_source(tokenizer)
    if source is None:
        return tokenizer
    template = getattr(tokenizer, "harness_template", Template())
    defaults = "".join(
        f"{{%- if {name} is not defined %}}{{% set {name} = {value!r} %}}{{% endif -%}}"
        for name, value in template.variables.items()
        if re.search(rf"\b{re.escape(name)}\b", source)
    )
    fixed = deepcopy(tokenizer)  # runs of this process share the one that was loaded
    text, several = defaults + template.dated(source), tokenizer.chat_template
    fixed.chat_template = {**several, "default": text} if isinstance(several, dict) else text
    return fixed
