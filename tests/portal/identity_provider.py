"""An identity provider on the loopback: as much of OpenID Connect as a log-in by code needs, and what may be wrong."""

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


@cache
def a_key(name: str) -> Any:
    """One of several, for a whole run of tests: RSA, or EC where the name says so."""
    if name.startswith("ec"):
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if name.startswith("short") else 2048)


@dataclass
class IdentityProvider:
    """Who comes with an address of its log-in has logged in there: `claims` are of them. change: of the token's claims.

    metadata: in place of some of what it says of itself. signs: the name of the key (a_key) and the algorithm. shows:
    the keys that it publishes. asked, given: the paths of what was got and of what was posted.
    """

    client_id: str = "faxes"
    client_secret: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    change: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    signs: tuple[str, str] = ("one", "RS256")
    shows: tuple[str, ...] = ("one",)
    asked: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    token: Callable[[dict[str, Any]], str] | None = None
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    """Nobody is answered before it is set; it is, unless a test says otherwise."""

    def __enter__(self) -> "IdentityProvider":
        provider = self
        self.gate.set()
        self._codes: dict[str, dict[str, str]] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                provider.gate.wait(30)
                if self.path == "/realm/.well-known/openid-configuration":
                    self.answer(200, provider.about())
                elif self.path == "/realm/keys":
                    self.answer(200, {"keys": [provider.public(name) for name in provider.shows]})
                else:
                    self.answer(404, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.given.append(self.path)
                provider.gate.wait(30)
                given = dict(parse_qsl(body))
                self.answer(*provider.exchanged(given, self.headers.get("Authorization", "")))

            def answer(self, status: int, said: Any) -> None:
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args: object) -> None:
                """Nothing."""

        # On all addresses of the loopback, where it is a host that several stand for.
        self._server = ThreadingHTTPServer((self.host if self.tls is None else "", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def issuer(self) -> str:
        return f"http{'s' if self.tls else ''}://{self.host}:{self._server.server_port}/realm"

    def about(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?theme=dark",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.metadata,
        }

    def public(self, name: str) -> dict[str, Any]:
        algorithm: Any = ECAlgorithm if name.startswith("ec") else RSAAlgorithm
        return {**algorithm.to_jwk(a_key(name).public_key(), as_dict=True), "kid": name, "use": "sig"}

    def logged_in(self, address: str, **more: str) -> dict[str, str]:
        """Somebody logs in at the address to which the browser was sent; the query with which it comes back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == self.client_id
        assert query["scope"] == "openid email"
        code = secrets.token_hex(8)
        self._codes[code] = query
        return {"code": code, "state": query["state"], **more}

    def exchanged(self, given: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        query = self._codes.pop(given.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=")
        secret = given.get("client_secret", "")
        if authorization:
            secret = unquote(base64.b64decode(authorization.partition(" ")[2]).decode().partition(":")[2])
        if (
            query is None
            or query["redirect_uri"] != given["redirect_uri"]
            or query["code_challenge"] != challenge.decode()
            or secret != self.client_secret
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": query["nonce"],
                  **self.claims, **self.change}  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.token is not None:
            return 200, {"id_token": self.token(claims)}
        name, algorithm = self.signs
        return 200, {"id_token": jwt.encode(claims, a_key(name), algorithm, headers={"kid": name})}
