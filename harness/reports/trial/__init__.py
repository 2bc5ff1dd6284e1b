"""`harness trial` as a page, and the marks of metrics that fail on other pages."""
