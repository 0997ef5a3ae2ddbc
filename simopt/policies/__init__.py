"""Replenishment policies of the planning simulator, one a file."""
