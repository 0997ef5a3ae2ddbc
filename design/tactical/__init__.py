"""Stochastic programs for tactical planning of a serial chain: scenarios, their reduction, and three models."""
