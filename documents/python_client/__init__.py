"""The generated parts of clients/python: models, exceptions and methods, from the document."""
