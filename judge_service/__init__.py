"""A judging service: a language model compares, scores and ranks responses; its bias is measured and removed."""

__version__ = "0.1.0"
