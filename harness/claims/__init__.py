"""What papers report and claim, as data: a TOML file for each paper."""

from harness.claims.papers import (
    Claim,
    CostClaim,
    DifferenceClaim,
    Paper,
    Reported,
    Selector,
    ValueClaim,
    paper,
    papers,
    read_paper,
)

__all__ = [
    "Claim", "CostClaim", "DifferenceClaim", "Paper", "Reported", "Selector", "ValueClaim", "paper",
    "papers", "read_paper",
]  # fmt: skip
