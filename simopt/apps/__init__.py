"""Composition roots: parts built and joined, one short file a command."""
