"""Models that each break one contract, as the author of a plugin might by mistake."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import replace

import torch

from harness.engine.batch import pad
from harness.engine.lm import (
    CausalLM,
    embed,
    encode,
    extend,
    gather_columns,
    head,
    hidden_states,
    joined,
    start,
    token_logprobs,
)
from harness.method import Method


class PadsById(CausalLM):
    """Mistakes id 0 for padding, wherever it occurs."""

    def logprobs(self, batch):
        seq = batch.sequences()
        real = (seq.tokens != 0).long()
        hidden = hidden_states(
            self.model,
            inputs_embeds=embed(self.model, seq.tokens),
            attention_mask=real,
            position_ids=(real.cumsum(-1) - 1).clamp_min(0),
        )
        return token_logprobs(self.model, gather_columns(hidden, seq.before), batch)


PLACES = torch.arange(500) ** 2 // 7  # rotary positions are relative: equal steps would hide it


class PositionsFromTheEdge(CausalLM):
    """Counts positions from the edge of the batch, not from a row's first real token."""

    def logprobs(self, batch):
        seq = batch.sequences()
        hidden = hidden_states(
            self.model,
            inputs_embeds=embed(self.model, seq.tokens),
            attention_mask=seq.real.long(),
            position_ids=PLACES[: seq.tokens.size(1)].expand_as(seq.tokens),
        )
        return token_logprobs(self.model, gather_columns(hidden, seq.before), batch)


class NoMask(CausalLM):
    """Pads on the left and lets real tokens attend to the padding."""

    def prefill(self, prompts, prefixes=None, views=None):
        tokens, real = pad(joined(prompts, prefixes), "left")
        hidden, state = start(self.model, embed(self.model, tokens), torch.ones_like(real))
        return head(self.model, hidden[:, -1]), state


class ForgetsPrefixes(CausalLM):
    def prefill(self, prompts, prefixes=None, views=None):
        return super().prefill(prompts)


class StepsOnOneRow(CausalLM):
    """Feeds the first row's token to every row."""

    def step(self, tokens, state):
        return super().step(tokens[:1].expand_as(tokens), state)


class SubtractsTheBatchMean(CausalLM):
    """Mixes rows: subtracts the mean hidden state of the batch."""

    def step(self, tokens, state):
        hidden = extend(self.model, embed(self.model, tokens[:, None]), state)[:, -1]
        return head(self.model, hidden - hidden.mean(0, keepdim=True)), state

    def prefill(self, prompts, prefixes=None, views=None):
        logits, state = super().prefill(prompts, prefixes)
        return logits - logits.mean(0, keepdim=True) * (len(prompts) > 1), state


class AddsTheBatchMean(CausalLM):
    def logprobs(self, batch):
        seq = batch.sequences()
        inputs = embed(self.model, seq.tokens)
        hidden = encode(self.model, inputs + inputs.mean((0, 1)), seq.real)
        return token_logprobs(self.model, gather_columns(hidden, seq.before), batch)


class DrawsWithoutSeed(CausalLM):
    """Adds noise that no seed controls."""

    def step(self, tokens, state):
        logits, state = super().step(tokens, state)
        return logits + 3 * torch.randn_like(logits), state


class ReadsTwice(CausalLM):
    """Every pass is made twice, which its `passes` do not say."""

    def logprobs(self, batch):
        return (super().logprobs(batch) + super().logprobs(batch)) / 2

    def prefill(self, prompts, prefixes=None, views=None):
        super().prefill(prompts, prefixes)
        return super().prefill(prompts, prefixes)


class StepsTwice(CausalLM):
    """Every step is taken twice, which costs little beside a long prompt."""

    def step(self, tokens, state):
        super().step(tokens, deepcopy(state))
        return super().step(tokens, state)


class ReadsTheResponseTwice(CausalLM):
    """Its loss reads the response once more, without the prompt."""

    def loss(self, batch):
        with torch.no_grad():
            super().loss(replace(batch, prompts=tuple(row[-1:] for row in batch.prompts)))
        return super().loss(batch)


class KeepsOtherRows(CausalLM):
    """Keeps the right number of rows in the wrong order."""

    def step(self, tokens, state):
        return super().step(tokens, state)

    def keep(self, state, rows):
        return super().keep(state, rows.flip(0))


class JoinsInTheWrongOrder(CausalLM):
    def step(self, tokens, state):
        return super().step(tokens, state)

    def keep(self, state, rows):
        return super().keep(state, rows)

    def join(self, state, other):
        return super().join(other, state)


class WrongFromTheTenthToken(CausalLM):
    def logprobs(self, batch):
        late = torch.arange(batch.response_mask.size(1)) >= 9
        logprobs = super().logprobs(batch)
        return torch.where(late, logprobs / 2, logprobs)


class LeavesPadding(CausalLM):
    def logprobs(self, batch):
        return super().logprobs(batch) - (~batch.response_mask).float()


class NotADistribution(CausalLM):
    def logprobs(self, batch):
        return 2 * super().logprobs(batch)


class Detached(CausalLM):
    """Computes hidden states without gradients, so that only the head learns."""

    def logprobs(self, batch):
        seq = batch.sequences()
        with torch.no_grad():
            hidden = encode(self.model, embed(self.model, seq.tokens), seq.real)
        return token_logprobs(self.model, gather_columns(hidden, seq.before), batch)


class IncreasesTheLoss(CausalLM):
    def loss(self, batch):
        return -super().loss(batch)


class ReadsAheadBehindAGate(CausalLM):
    """Its log-probs read the whole response and the padding, behind a gate that starts shut."""

    def __init__(self, model):
        super().__init__(model)
        self.gate = torch.nn.Parameter(torch.zeros(1))

    def logprobs(self, batch):
        batch = batch.to(self.device)
        hidden = self.predicting(batch)
        ahead = torch.tanh(self.gate) * hidden.mean(1, keepdim=True)
        return token_logprobs(self.model, hidden + ahead, batch)


class ReadsTwiceBehindAGate(CausalLM):
    """Reads all again once its gate has moved; `passes` has one reading."""

    def __init__(self, model):
        super().__init__(model)
        self.gate = torch.nn.Parameter(torch.zeros(1))

    def logprobs(self, batch):
        first = super().logprobs(batch)
        again = super().logprobs(batch) if self.gate.item() else first
        return first + self.gate * (again - first)


class AveragesRows(CausalLM):
    """Its loss is the mean over rows of each row's mean."""

    def loss(self, batch):
        return -(self.logprobs(batch).sum(-1) / batch.response_mask.sum(-1)).mean()


class AveragesRowsInTraining(CausalLM):
    """The same, in training mode alone; it has a dropout, whose draws are no fault."""

    def __init__(self, model):
        super().__init__(model)
        self.dropout = torch.nn.Dropout(0.5)

    def loss(self, batch):
        if not self.training:
            return super().loss(batch)
        rows = self.logprobs(batch).sum(-1) / batch.response_mask.sum(-1)
        return -self.dropout(rows).mean()


class NotFiniteInTraining(CausalLM):
    """Its loss is no number in training mode."""

    def loss(self, batch):
        return super().loss(batch) * (float("nan") if self.training else 1)


class WeighsAtRandom(CausalLM):
    """Multiplies its loss by a number that no seed determines, in training mode alone."""

    def loss(self, batch):
        return super().loss(batch) * (random.SystemRandom().random() + 0.5 if self.training else 1)


class MovesAtRandom(CausalLM):
    """Its weights end training at a random place; its losses are repeatable."""

    def training_progress(self, done):
        with torch.no_grad():
            self.model.model.norm.weight *= 1 + (done == 1.0) * random.SystemRandom().random()


class SumsTokens(CausalLM):
    """Its loss is a sum."""

    def loss(self, batch):
        return -self.logprobs(batch).sum()


class HasUnsavedState(CausalLM):
    """Learns a scale in a plain attribute, which is not saved with the weights."""

    scale = 1.0

    def loss(self, batch):
        self.scale += 0.1
        return super().loss(batch)

    def logprobs(self, batch):
        seq = batch.sequences()
        hidden = encode(self.model, embed(self.model, seq.tokens), seq.real)
        scaled = self.scale * gather_columns(hidden, seq.before)
        return token_logprobs(self.model, scaled, batch)


class RaisesDeepInside(CausalLM):
    def step(self, tokens, state):
        return super().step(tokens.float() @ torch.ones(99), state)


def with_lm(lm_class):
    """A trained method that differs from SFT only in its model."""

    class WithLM(Method):
        name = "broken"
        trains = True

        def build(self, backbones):
            return lm_class(backbones.main)

    return WithLM
