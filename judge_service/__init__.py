"""A judging service: a language model scores, compares and ranks candidate responses, and its bias is measured and removed."""

__version__ = "0.1.0"
