"""Gymnasium-style environments: levels found on their dynamics, and agents that play them."""
