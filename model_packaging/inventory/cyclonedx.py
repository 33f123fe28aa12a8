"""A software bill of materials in CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/).

Without a time, and with a serial number made from the content, so that equal contents give equal
documents.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from lading.functions.contract.names import VERSION
from lading.model_packaging.inventory.packages import Package, with_license


def bill_of_packages(name: str, packages: Iterable[Package]) -> dict[str, Any]:
    """Return the bill of what is built from locked packages.

    Args:
        name: what is built: `lambda-layer` or `container`.
        packages: the locked packages.
    """
    subject = {"type": "application", "name": f"lading-{name}", "version": VERSION}
    return _document(subject, [_package(each) for each in packages])


def bill_of_artifact(version: int, digest: str, specification: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bill of a version: its files, and the tools that made it.

    Args:
        version: the version's number.
        digest: SHA-256 of its artifact.json.
        specification: the content of its artifact.json.
    """
    source = specification.get("source", {})
    facts = {
        "identity": specification["identity"],
        "source": source.get("file"),
        "source digest": source.get("digest"),
        "framework": source.get("framework"),
    }
    subject = {
        "type": "machine-learning-model",
        "name": specification["name"],
        "version": str(version),
        "hashes": [_hash(digest)],
        "properties": [
            {"name": f"lading:{fact}", "value": str(value)}
            for fact, value in facts.items()
            if value
        ],
    }
    engine = (specification.get("engine") or {}).get("files", {})
    files = {**specification["files"], **{f"engine/{it}": engine[it]["digest"] for it in engine}}
    listed = [
        {"type": "file", "bom-ref": f"file:{file}", "name": file, "hashes": [_hash(files[file])]}
        for file in sorted(files)
    ]
    tools = [
        _package(with_license(Package(tool, made_with)))
        for tool, made_with in sorted(specification.get("tools", {}).items())
    ]
    return _document(subject, [*listed, *tools])


def _document(subject: Mapping[str, Any], components: list[dict[str, Any]]) -> dict[str, Any]:
    content = json.dumps([subject, components], sort_keys=True).encode()
    number = uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)
    tool = {"type": "application", "name": "lading", "version": VERSION}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {"component": dict(subject), "tools": {"components": [tool]}},
        "components": components,
    }


def _package(package: Package) -> dict[str, Any]:
    address = f"pkg:pypi/{package.name}@{package.version}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        "version": package.version,
        "purl": address,
    }
    if package.expression:
        component["licenses"] = [{"expression": package.expression}]
    elif package.licenses:
        component["licenses"] = [{"license": {"name": name}} for name in package.licenses]
    if package.digests:
        component["externalReferences"] = [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{package.name}/{package.version}/",
                "hashes": [_hash(digest) for digest in package.digests],
            }
        ]
    if package.marker:
        component["properties"] = [{"name": "lading:marker", "value": package.marker}]
    return component


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest.removeprefix("sha256:")}
