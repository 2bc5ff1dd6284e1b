"""Tables, text and figures without a format, and the formats."""
