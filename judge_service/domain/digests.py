"""One way to name a content: SHA-256 over canonical JSON."""

from __future__ import annotations

import json
from hashlib import blake2b, sha256


def digest(content: object) -> str:
    """`sha256:…` of a JSON-like value; the order of keys is no content."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return "sha256:" + sha256(canonical.encode()).hexdigest()


def draw(*what: object) -> int:
    """A reproducible random 64-bit number for what is named: the same on every machine and in every run.

    Every draw of the service (orders, principles, shuffles) comes from here, so that it depends on the seed and on
    what is judged, and never on the order of the input or on a clock.
    """
    text = "\x1f".join(str(x) for x in what)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
