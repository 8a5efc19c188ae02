"""The documents that describe Muster, made from its own declarations: `python -m documents` writes them into the
repository, and `./dev lint` fails when they are not as it would write them."""
