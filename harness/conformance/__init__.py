"""The conformance kit behind `harness check-method`; a method's own tests may call it too."""

from harness.conformance.kit import CHECKS, check_method, failures

__all__ = ["CHECKS", "check_method", "failures"]
