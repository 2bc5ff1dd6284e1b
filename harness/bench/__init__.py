"""`harness bench`: methods compared on one machine, in paired, interleaved rounds."""
