"""How the built-in benchmark's backbones were made; nothing else in the harness imports this.

`python -m harness.pretraining NAME --steps N` trains one again. docs/mini.md says how.
"""
