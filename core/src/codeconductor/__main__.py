"""`python -m codeconductor` is `conductor`."""

from codeconductor.cli import main

main()
