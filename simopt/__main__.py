"""`python -m simopt`: the command line without its script on the path."""

from simopt.cli import main

main()
