"""A sweep of three methods: 26 runs."""

FILE = """\
methods = ["rag", "sft", "flythinker"]
seeds = [0, 1]
out = "{out}"

[data]
source = "{data}"

[model]
backbone = "{backbone}"

[train]
lr = [1e-3, 5e-4]

[eval]
floors = false
resamples = 100

[sweep]
method.lam = [0, 0.5]
eval.metrics = [["bleu"], ["bleu", "rouge1"]]
"""
