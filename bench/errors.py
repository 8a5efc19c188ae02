"""What keeps something from being measured."""


class NotMeasured(Exception):
    """A program failed, an answer was wrong, or what is compared does not do the same; the message says which."""
