"""`report.html`: one file that shows a run to those who did not make it."""
