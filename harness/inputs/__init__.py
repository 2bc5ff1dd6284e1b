"""What a run reads from outside, known by content: files, modules, metrics. Imports no torch."""
