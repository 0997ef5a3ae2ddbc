"""Shipped cases: data only, one folder each; README.md describes the format."""
