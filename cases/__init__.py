"""Shipped cases, one folder each (README.md describes the format), and an example of a simulator of one's own."""
