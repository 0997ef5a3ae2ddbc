"""Supply-chain network design and base-stock levels, decided together."""
