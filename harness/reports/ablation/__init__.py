"""One setting varied: its values against a reference."""
