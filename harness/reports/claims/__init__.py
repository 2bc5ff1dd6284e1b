"""Papers' claims answered from records: HOLDS, REFUTED or CANNOT TELL."""
