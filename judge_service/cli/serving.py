"""serve: the HTTP API."""


def serve() -> None:
    """placeholder"""
