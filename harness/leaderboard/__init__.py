"""Published boards: runs packed as submissions, checked by others, shown on a static page.

A submission is untrusted. Nothing of it is executed, everything of it has a size limit and a
strict type, and whatever is shown of it is text.
"""
