"""Two published methods as plugins: they see the harness only through its contracts."""
