"""Kriging surrogates and trust-region search for expensive, noisy functions; knows nothing of supply chains."""
