"""Keys for tests, and the official command line of OpenSSF Model Signing."""

import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lading.model_packaging.signing.keys import FileKey


def new_key(folder: Path, name: str = "private", curve: ec.EllipticCurve | None = None) -> Path:
    """Write a private key; return its file."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pem").write_bytes(pem)
    return folder / f"{name}.pem"


def new_pair(folder: Path, name: str = "private") -> tuple[FileKey, Path]:
    """Return a new private key, and the file of its public key."""
    key = FileKey.read(new_key(folder, name))
    public = folder / f"{name}.public.pem"
    public.write_bytes(key.public_pem)
    return key, public


def model_signing(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the official tool."""
    command = [sys.executable, "-W", "ignore", "-m", "model_signing", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
