"""Reasoning, or compute? One certificate for each system with latent thoughts."""
