"""The planning simulator: many products, weekly events, any acyclic network, policies side by side."""
