"""Prompts with responses, and the ways of computing log-probs that must agree on them."""

import torch

from harness.engine import Batch

PROMPTS = [[5, 0, 9, 11, 3, 2, 8], [1], [4, 4, 0, 7, 90, 13, 22, 31, 6, 2, 77, 8]]
RESPONSES = [[3, 0, 2, 96], [8, 7, 6, 5, 4, 3, 2, 1, 0], [12]]


def alone(lm, prompts, responses):
    return [
        lm.logprobs(Batch.from_rows([prompt], [response], 0))[0]
        for prompt, response in zip(prompts, responses, strict=True)
    ]


def in_a_batch(side):
    def way(lm, prompts, responses):
        batch = Batch.from_rows(prompts, responses, 0, side=side)
        given = lm.logprobs(batch)
        assert not given[~batch.response_mask].any()
        return [row[: len(r)] for row, r in zip(given, responses, strict=True)]

    return way


def prefill_and_step(prefix_length):
    """In a batch: prompts and `prefix_length` response tokens in the prefill, the rest in steps."""

    def way(lm, prompts, responses):
        prefixes = [row[:prefix_length] for row in responses]
        logits, state = lm.prefill(prompts, prefixes)
        found = [[] for _ in prompts]
        longest = max(len(row) for row in responses)
        for step in range(longest):
            tokens = [
                row[len(p) + step] if len(p) + step < len(row) else 0
                for row, p in zip(responses, prefixes, strict=True)
            ]
            scores = logits.log_softmax(-1)
            for index, token in enumerate(tokens):
                found[index].append(scores[index, token])
            logits, state = lm.step(torch.tensor(tokens), state)
        whole = in_a_batch("right")(lm, prompts, responses)
        return [
            torch.cat([whole[i][: len(p)], torch.stack(found[i])[: len(row) - len(p)]])
            for i, (row, p) in enumerate(zip(responses, prefixes, strict=True))
        ]

    return way


WAYS = {
    "right padded": in_a_batch("right"),
    "left padded": in_a_batch("left"),
    "prefill and step": prefill_and_step(0),
    "prefix and step": prefill_and_step(1),
}
