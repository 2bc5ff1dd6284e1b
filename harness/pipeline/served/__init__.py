"""Runs of a model behind an API: no weights, so prompts go out and texts come back."""
