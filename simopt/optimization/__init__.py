"""The outer-approximation loop, its subproblems and the methods it is compared with."""
