"""Examples have no deadline: how long one takes is the machine's business (the whole test has its timeout)."""

from hypothesis import settings

settings.register_profile("muster", deadline=None)
settings.load_profile("muster")
