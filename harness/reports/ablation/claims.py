"""Whether what the FlyThinker paper claims about λ and the reasoner's size holds here.

Each claim is a sentence with a test; the paper's curves are not reproduced. arXiv 2512.06690.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.reports.ablation.values import SFT, Ablation, baseline_of
from harness.reports.compared.contrasts import Outcome, Pair
from harness.reports.render.numbers import estimate
from harness.reports.render.section import listed
from harness.reports.runs.paper import Claim, paper
from harness.reports.sections.system_columns import gap_cells


def readings(found: Ablation) -> list[str]:
    """A sentence per claim: it holds, is contradicted or is not shown here, with the numbers."""
    return [_reading(found, claim) for claim in found.claims]


def _reading(found: Ablation, claim: Claim) -> str:
    # 1. The values that the claim covers, and what each is compared with.
    main = found.main
    covered = [label for label, place in found.places.items() if claim.covers(place)]
    head = f"The paper says: {claim.text} ({paper().reported.mark}). Here that"
    other = baseline_of(claim, found.places)
    if not covered or (claim.baseline and other is None):
        return f"{head} was not tried."
    baseline = other or SFT
    pairs: list[Pair] = [(label, other or found.references.get(label, "")) for label in covered]
    tested = [pair for pair in pairs if main.between(*pair)]
    if not tested:
        return f"{head} could not be tested: {listed(covered)} or {baseline} failed."
    # 2. The verdict and the numbers.
    numbers = "; ".join(
        f"{pair[0]} minus {baseline} "
        + estimate(gap_cells(main, *pair)[0], main.measure.digits, signed=True)
        for pair in tested
    )
    missing = [pair[0] for pair in pairs if pair not in tested]
    failed = f" (failed: {listed(missing)})" if missing else ""
    if claim.sense == "equal" and set(tested) <= found.identical:
        return f"{head} holds exactly, in every example: {numbers}{failed}."
    verdict = _verdict(claim, [main.outcome(*pair) for pair in tested])
    return f"{head} {verdict}: {numbers}{failed}."


def _verdict(claim: Claim, outcomes: Sequence[Outcome]) -> str:
    differ = [one for one in outcomes if one in ("better", "worse")]
    if claim.sense == "equal":
        return "is contradicted" if differ else "is not contradicted"
    shown = differ.count("better" if claim.sense == "above" else "worse")
    if shown == len(outcomes):
        return "holds"
    if shown < len(differ):
        return "is contradicted"
    return f"is shown for {shown} of {len(outcomes)} values" if shown else "is not shown"
