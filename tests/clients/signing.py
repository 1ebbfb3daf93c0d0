"""AK/SK signatures, written from the table of the API's reference and apart from any client's code.

Both dialects are an `auth=` of requests. `Signature` is that of the Huawei SDK, `ScopedSignature` that of
gophertelekomcloud and the old Java samples.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from requests import PreparedRequest
from requests.auth import AuthBase

ALGORITHM = "SDK-HMAC-SHA256"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Key:
    """An access key; a temporary one has a security token."""

    access: str
    secret: str
    security_token: str = ""


def sha256(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()


def mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def encoded(text: str) -> str:
    return quote(text, safe=UNRESERVED)


def canonical_path(path: str) -> str:
    decoded = "/".join(encoded(unquote(segment)) for segment in path.split("/"))
    return decoded if decoded.endswith("/") else decoded + "/"


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{encoded(key)}={encoded(value)}" for key, value in pairs)


@dataclass
class Signature(AuthBase):
    """`Access=`: the key signs as it is, and covers also the project and the security token."""

    key: Key
    project: str = ""
    date: str = ""
    #: What stands in for the hash of the body.
    content_hash: str = ""

    signed = ("content-type", "host", "user-agent", "x-project-id", "x-sdk-content-sha256", "x-sdk-date")
    signed += ("x-security-token",)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Host"] = urlsplit(request.url).netloc
        request.headers["X-Sdk-Date"] = self.date = self.date or datetime.now(UTC).strftime(DATE_FORMAT)
        if self.content_hash:
            request.headers["X-Sdk-Content-Sha256"] = self.content_hash
        self.sign(request)
        return request

    def sign(self, request: PreparedRequest) -> None:
        self.name_the_owner(request)
        names = self.names_signed(request)
        text = f"{ALGORITHM}\n{self.date}\n{sha256(self.canonical(request, names).encode())}"
        signature = mac(self.key.secret.encode(), text).hex()
        self.attach(request, f"Access={self.key.access}", names, signature)

    def name_the_owner(self, request: PreparedRequest) -> None:
        owner = {"X-Project-Id": self.project, "X-Security-Token": self.key.security_token}
        request.headers.update({name: value for name, value in owner.items() if value})

    def names_signed(self, request: PreparedRequest) -> list[str]:
        return sorted(name.lower() for name in request.headers if name.lower() in self.signed)

    def canonical(self, request: PreparedRequest, names: list[str]) -> str:
        url = urlsplit(request.url)
        query, body = self.query_and_body(request)
        headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names)
        content_hash = self.content_hash or sha256(body)
        parts = [request.method, canonical_path(url.path), query, headers, ";".join(names), content_hash]
        return "\n".join(parts)

    def query_and_body(self, request: PreparedRequest) -> tuple[str, bytes]:
        pairs = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
        return canonical_query(sorted(pairs)), as_bytes(request.body)

    def attach(self, request: PreparedRequest, who: str, names: list[str], signature: str) -> None:
        signed = ";".join(names)
        request.headers["Authorization"] = f"{ALGORITHM} {who}, SignedHeaders={signed}, Signature={signature}"


@dataclass
class ScopedSignature(Signature):
    """`Credential=`: a key derived for day, region and service signs; project and security token come after."""

    region: str = ""
    service: str = ""

    signed = ("accept", "content-type", "host", "user-agent", "x-sdk-content-sha256", "x-sdk-date")

    def sign(self, request: PreparedRequest) -> None:
        names = self.names_signed(request)
        parts = [self.date[:8], self.region, self.service, "sdk_request"]
        scope = "/".join(parts)
        text = f"{ALGORITHM}\n{self.date}\n{scope}\n{sha256(self.canonical(request, names).encode())}"
        derived = ("SDK" + self.key.secret).encode()
        for part in parts:
            derived = mac(derived, part)
        signature = mac(derived, text).hex()
        self.attach(request, f"Credential={self.key.access}/{scope}", names, signature)
        self.name_the_owner(request)

    def query_and_body(self, request: PreparedRequest) -> tuple[str, bytes]:
        """Of a repeated key the first value counts; of a POST without a body the query is the body."""
        first = {}
        for key, value in parse_qsl(urlsplit(request.url).query, keep_blank_values=True):
            first.setdefault(key, value)
        query = canonical_query(sorted(first.items(), key=lambda pair: pair[0].lower()))
        body = as_bytes(request.body)
        return ("", query.encode()) if request.method == "POST" and not body else (query, body)


def as_bytes(body: bytes | str | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""
