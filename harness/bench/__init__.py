"""`harness bench`: methods against each other on one machine, paired and interleaved."""
