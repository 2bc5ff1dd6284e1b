"""Many runs by an engine that exists: processes here, Slurm (submitit), Ray. Knows no torch."""
