"""`python -m ui`: the same as the command `lectern`."""

from ui.cli import main

main()
