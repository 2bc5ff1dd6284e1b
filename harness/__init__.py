"""The reference harness for personalized long-form generation."""

__version__ = "0.1.0"
