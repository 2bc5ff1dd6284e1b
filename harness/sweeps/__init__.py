"""Many runs by an engine that exists: processes here, Slurm (submitit) or Ray. Knows no torch."""
