"""A run's thoughts over its texts: tables for the terminal, and a page."""
