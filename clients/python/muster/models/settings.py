"""Models of settings.

Written by `./dev documents`: change the routes, or what writes this.
"""

from typing import Literal

from muster.model import Model


class Settings(Model):
    time_zone: str
    booking_clash: Literal["allow", "warn", "refuse"] | str
    issuer_name: str | None
    language: Literal["en", "de", "es", "fr", "pl"] | str
