"""The runs that a report is about: read, grouped into systems, checked to be comparable."""
