"""Real servers of the places where models live, on this machine; each counts its requests."""

import datetime as dt
import hashlib
import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

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


@contextmanager
def mlflow_server(files: Mapping[str, bytes], token: str, store: str = "") -> Iterator[Place]:
    """MLflow's REST API with one model of one version, whose alias is `champion`.

    Its files are proxied, as by `mlflow server --serve-artifacts`, and also those of the run `r1`
    below `model`, unless `store` is the address of that run's files. Who has no token gets 401.
    """
    seen: list[str] = []
    root, version = "1/models/m-1/artifacts", {"name": "churn", "version": "3"}
    described = {
        "registered-models/get": {"registered_model": {"name": "churn"}},
        "registered-models/alias": {"model_version": version},
        "model-versions/get-download-uri": {"artifact_uri": f"mlflow-artifacts:/{root}"},
        "runs/get": {
            "run": {
                "info": {
                    "run_id": "r1",
                    "run_uuid": "r1",
                    "experiment_id": "1",
                    "artifact_uri": store or f"mlflow-artifacts:/{root.removesuffix('/artifacts')}",
                },
                "data": {},
            }
        },
        "logged-models/search": {"models": []},
    }

    def listed(path: str) -> dict[str, Any]:
        below = path.removeprefix(root).strip("/")
        inside = [name for name in files if name.startswith(f"{below}/" if below else "")]
        rest = [name.removeprefix(below).strip("/") for name in inside]
        entries = {
            each.partition("/")[0]: {
                "path": each.partition("/")[0],
                "is_dir": "/" in each,
                **({} if "/" in each else {"file_size": str(len(files[name]))}),
            }
            for name, each in zip(inside, rest, strict=True)
        }
        return {"files": list(entries.values())}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode()))
        seen.append(f"{scope['method']} {path}")
        headers = dict(scope["headers"])
        status, body = 404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such"}'
        call = path.removeprefix("/api/2.0/mlflow/")
        artifact = path.removeprefix("/api/2.0/mlflow-artifacts/artifacts").strip("/")
        if headers.get(b"authorization") != f"Bearer {token}".encode():
            status, body = 401, b"who are you?"
        elif query.get("name", "churn") == "churn" and call in described:
            status, body = 200, json.dumps(described[call]).encode()
        elif path.endswith("/mlflow-artifacts/artifacts"):
            status, body = 200, json.dumps(listed(query["path"])).encode()
        elif artifact.removeprefix(f"{root}/") in files:
            status, body = 200, files[artifact.removeprefix(f"{root}/")]
        length = (b"content-length", str(len(body)).encode())
        kind = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": status, "headers": [length, kind]})
        await send({"type": "http.response.body", "body": body})

    with uvicorn_serving(app) as address:
        yield Place(f"http://{address}", seen)
