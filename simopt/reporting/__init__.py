"""Tables, run folders and pictures."""
