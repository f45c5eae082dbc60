"""Who may call: keys, and networks. Everything else about a request is decided behind this door."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from judge_service.api.problems import Problem
from judge_service.errors import InvalidConfiguration

OPEN_PATHS: Final = frozenset(("/health", "/ready"))
_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
_IN_PATH: Final = "/k/"
_HASHED: Final = "sha256:"
TENANT: Final = "judge_service.tenant"
"""Where a request's scope says whose it is: a name made from its key."""
Network = IPv4Network | IPv6Network


def check_binding(host: str, keys: Sequence[str], networks: Sequence[Network]) -> None:
    """Refuses to listen to the world without keys.

    Raises:
        InvalidConfiguration: the address is no loopback address and there are neither keys nor trusted networks.
    """
    if not keys and not networks and not is_loopback(host):
        raise InvalidConfiguration(
            f"{host} is no loopback address: set JUDGE_API_KEYS, or name the networks that may call with --trust-cidr"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host in _LOOPBACK or ip_address(host).is_loopback
    except ValueError:
        return False


def networks_of(told: Sequence[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation.

    Raises:
        InvalidConfiguration: one is none.
    """
    try:
        return tuple(ip_network(part) for part in told)
    except ValueError as e:
        raise InvalidConfiguration(f"--trust-cidr: {e}") from None


class Door:
    """Lets a request in by its key (bearer, basic password, or /k/KEY/ before the path), or by its network."""

    def __init__(self, app: ASGIApp, keys: Sequence[str], networks: Sequence[Network]) -> None:
        self._app = app
        self._digests = [digest_of(key) for key in keys]
        self._networks = networks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 401 or 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        key = _key_in_path(scope) or _key_in_header(scope)
        problem = self._refusal(scope, key)
        if problem is None:
            scope[TENANT] = tenant_of(sha256(key.encode()).digest()) if key and self._digests else ""
            await self._app(scope, receive, send)
        else:
            await problem.response()(scope, receive, send)

    def _refusal(self, scope: Scope, key: str | None) -> Problem | None:
        if scope["path"] in OPEN_PATHS:
            return None
        if self._networks and not self._is_trusted(scope):
            return Problem(403, "this address may not call", code="address_not_trusted")
        if self._digests and not self._is_known(key):
            what = "the API key is wrong" if key else "an API key is needed: Authorization: Bearer KEY"
            return Problem(401, what, code="invalid_api_key")
        return None

    def _is_known(self, key: str | None) -> bool:
        """Compares with every key in constant time, so that the time taken tells nothing."""
        given = sha256((key or "").encode("utf-8", "replace")).digest()
        return bool(key) and sum(hmac.compare_digest(given, digest) for digest in self._digests) > 0

    def _is_trusted(self, scope: Scope) -> bool:
        try:
            address = ip_address((scope.get("client") or ("",))[0])
        except ValueError:
            return False
        return address.is_loopback or any(address in network for network in self._networks)


def tenant_of(digest: bytes) -> str:
    """The name made from a key's digest, under which its caller's files, cache entries and accounts are kept."""
    return digest.hex()[:16]


def digest_of(key: str) -> bytes:
    """A configured key's digest; configured as `sha256:` and 64 hex digits, it rests nowhere in clear.

    Raises:
        InvalidConfiguration: the digest is none.
    """
    if not key.startswith(_HASHED):
        return sha256(key.encode()).digest()
    try:
        digest = bytes.fromhex(key.removeprefix(_HASHED))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise InvalidConfiguration("a hashed API key is sha256: and 64 hex digits")
    return digest


def _key_in_path(scope: Scope) -> str | None:
    """Takes /k/KEY off the path, so that neither routes nor logs ever see it."""
    path = scope["path"]
    if not path.startswith(_IN_PATH):
        return None
    key, _, rest = path[len(_IN_PATH) :].partition("/")
    scope["path"] = "/" + rest
    scope["raw_path"] = scope["path"].encode()
    return unquote(key)


def _key_in_header(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, told = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer":
                return str(told.strip())
            if scheme.lower() == "basic":
                return _password(told)
    return None


def _password(told: str) -> str | None:
    try:
        return base64.b64decode(told, validate=True).decode().partition(":")[2] or None
    except ValueError:
        # No base64, no ASCII, or no UTF-8 within.
        return None
