"""Metrics on trial: does a metric prefer an author's own texts, and what else does it reward?

`planted` makes texts whose author is known, from the data alone; `duels` scores them with a metric
and counts which text of each pair wins; `controls` are measures that are known to be bad.
"""
