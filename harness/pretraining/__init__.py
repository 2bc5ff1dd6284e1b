"""How the built-in benchmark's backbones were made. The conformance kit uses `train_tokenizer`.

`python -m harness.pretraining NAME --steps N` trains one again. docs/mini.md says how.
"""
