"""Systems against each other: measures, paired contrasts, seeds, letters."""
