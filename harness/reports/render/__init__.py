"""Format-independent tables, text and figures, and their renderers."""
