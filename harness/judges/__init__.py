"""Language models as judges: what they are asked, who is asked, and how replies are read.

Off by default, and no metric: `harness judge` asks, and comparisons show what was kept.
"""
