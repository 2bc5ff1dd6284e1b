"""The conformance kit behind `harness check-method`, also for a method's own tests."""

from harness.conformance.kit import CHECKS, Outcome, check_method, failures

__all__ = ["CHECKS", "Outcome", "check_method", "failures"]
