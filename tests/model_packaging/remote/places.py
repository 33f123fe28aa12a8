"""Real servers of the places where models live, on this machine; each counts its requests."""

import datetime as dt
import hashlib
import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lading.functions.inference.wire.asgi import Receive, Scope, Send
from tests.support.uvicorn_server import uvicorn_serving

COMMIT = "a" * 40


class Place(NamedTuple):
    """Args: its address, and the requests that it has seen."""

    url: str
    seen: list[str]


def certificate(folder: Path) -> Path:
    """A key and a certificate of 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(pem))
    return path


@contextmanager
def web(files: Mapping[str, bytes], moved: Mapping[str, str], pem: Path | None) -> Iterator[Place]:
    """A web server with these files, and these redirects; with TLS if it has a certificate."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        seen.append(f"{scope['method']} {path}")
        headers, body = [(b"content-length", b"0")], b""
        status = 404
        if path in moved:
            status, headers = 302, [(b"location", moved[path].encode())]
        elif path in files:
            status, body = 200, files[path]
            headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    tls = {"ssl_certfile": str(pem), "ssl_keyfile": str(pem)} if pem else {}
    with uvicorn_serving(app, **tls) as address:
        yield Place(f"{'https' if pem else 'http'}://{address}", seen)


@contextmanager
def hub(repository: str, files: Mapping[str, bytes]) -> Iterator[Place]:
    """The Hub's API of one repository, as huggingface_hub calls it."""
    seen: list[str] = []
    described = {
        "id": repository,
        "sha": COMMIT,
        "siblings": [{"rfilename": name, "size": len(files[name])} for name in files],
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        seen.append(f"{scope['method']} {path}")
        status, body, headers = 404, b"{}", {"content-type": "application/json"}
        if path.startswith(f"/api/models/{repository}"):
            status, body = 200, json.dumps(described).encode()
        elif path.startswith(f"/{repository}/resolve/{COMMIT}/"):
            content = files[path.removeprefix(f"/{repository}/resolve/{COMMIT}/")]
            etag = hashlib.sha256(content).hexdigest()
            status, body = 200, content
            headers = {"etag": f'"{etag}"', "x-repo-commit": COMMIT}
        headers["content-length"] = str(len(body))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    with uvicorn_serving(app) as address:
        yield Place(f"http://{address}", seen)
