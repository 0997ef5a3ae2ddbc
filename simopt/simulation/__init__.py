"""The built-in simulator: compiled core, replications, estimates."""
