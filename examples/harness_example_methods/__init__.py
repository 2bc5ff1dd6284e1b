"""Published methods as plugins, which use the harness only through its contracts."""
