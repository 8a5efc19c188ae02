"""A client of Muster, and the `muster` command."""

__version__ = "0.1.0"
