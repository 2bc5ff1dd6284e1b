"""A run from settings to record: plan, train, generate, evaluate. `single.run` makes one."""
