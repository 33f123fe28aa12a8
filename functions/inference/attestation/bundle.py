"""The Sigstore bundle around a statement: a DSSE envelope, and a hint which key signed it.

Formats: DSSE 1.0 (https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md), Sigstore
bundle 0.3 (https://docs.sigstore.dev/about/bundle/). The hint is the SHA-256 of the public key's
PEM text, as model-signing 1.x writes it.
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Any, Final, NamedTuple

MAX_BUNDLE_BYTES: Final = 4 << 20
"""An engine may have thousands of files, each named in the bundle."""

_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class Envelope(NamedTuple):
    """A signed statement.

    Args:
        payload: the statement, as it was signed.
        signature: ECDSA over `encoded(payload)`, in DER.
        hint: which key signed it; not signed, so it only helps to find the key.
    """

    payload: bytes
    signature: bytes
    hint: str


def encoded(payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding of a payload."""
    head = f"DSSEv1 {len(_PAYLOAD_TYPE)} {_PAYLOAD_TYPE} {len(payload)} "
    return head.encode() + payload


def render_bundle(envelope: Envelope) -> bytes:
    """Return the bundle as JSON."""
    signature = {"sig": b64encode(envelope.signature).decode(), "keyid": ""}
    document = {
        "mediaType": _MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": envelope.hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": b64encode(envelope.payload).decode(),
            "payloadType": _PAYLOAD_TYPE,
            "signatures": [signature],
        },
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def read_bundle(content: bytes) -> Envelope:
    """Read a bundle; nothing in it is verified yet.

    Raises:
        ValueError: it is no bundle that a key signed.
    """
    if len(content) > MAX_BUNDLE_BYTES:
        raise ValueError(f"is larger than {MAX_BUNDLE_BYTES} bytes")
    try:
        return _read(json.loads(content))
    except (KeyError, TypeError, AttributeError, RecursionError, Base64Error) as error:
        raise ValueError(f"cannot be read: {error!r}") from error


def _read(document: Any) -> Envelope:
    if document["mediaType"] != _MEDIA_TYPE:
        raise ValueError(f"has the media type {str(document['mediaType'])[:80]!r}")
    material, envelope = document["verificationMaterial"], document["dsseEnvelope"]
    if "publicKey" not in material:
        raise ValueError("was signed with a certificate, not with a key")
    if envelope["payloadType"] != _PAYLOAD_TYPE:
        raise ValueError(f"has the payload type {str(envelope['payloadType'])[:80]!r}")
    (signature,) = envelope["signatures"]
    payload = b64decode(envelope["payload"], validate=True)
    return Envelope(
        payload,
        b64decode(signature["sig"], validate=True),
        str(material["publicKey"].get("hint") or ""),
    )
