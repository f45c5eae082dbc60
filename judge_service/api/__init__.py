"""The HTTP API: FastAPI, with errors in OpenAI's shape."""
