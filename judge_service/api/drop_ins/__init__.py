"""Endpoints in other services' shapes: what their stock clients send is judged as our own requests are."""
