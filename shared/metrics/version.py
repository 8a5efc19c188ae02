"""The version of the product, as in pyproject.toml, which is not at hand where it runs."""

from typing import Final

VERSION: Final = "0.1.0"
