"""Systems compared: measures, paired tests, training seeds, significance letters."""
