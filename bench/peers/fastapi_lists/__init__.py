"""The same lists as FastAPI's and SQLAlchemy's own documentation teach to write them, on the same tables."""
