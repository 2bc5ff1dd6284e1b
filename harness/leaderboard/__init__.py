"""Leaderboards: runs packed as submissions, verified by others, shown on a static page.

A submission is untrusted: nothing in it is executed, everything in it has a size limit and a strict
type, and the page shows it as plain text.
"""
