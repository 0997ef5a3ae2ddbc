"""Finite-horizon threshold policies of single firms: pmfs on whole units and the closed-form backward recursion."""
