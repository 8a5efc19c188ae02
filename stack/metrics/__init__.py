"""The metrics of a running stack, as its processes answer for them: read, compared, and shown on one screen."""
