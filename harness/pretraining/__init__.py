"""How the built-in benchmark's backbones were made.

`python -m harness.pretraining NAME --steps N` trains one again. docs/mini.md says how.
"""
