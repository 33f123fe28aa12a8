"""The bills of materials under CycloneDX's own schema."""

import json
from pathlib import Path
from typing import Any

import cyclonedx.schema
import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # it has no types
from referencing import Registry, Resource

from lading.model_packaging.inventory.cyclonedx import bill_of_artifact, bill_of_packages
from lading.model_packaging.inventory.packages import Package
from tests.model_packaging.stores import digest, files, large

SCHEMAS = Path(str(cyclonedx.schema.__file__)).parent / "_res"


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.SNAPSHOT.schema.json").read_text())


@pytest.fixture(scope="module")
def official() -> Draft7Validator:
    base = "http://cyclonedx.org/schema/"
    others = {f"{base}{it}.schema.json": schema(it) for it in ("spdx", "jsf-0.82")}
    resources = [(address, Resource.from_contents(it)) for address, it in others.items()]
    return Draft7Validator(schema("bom-1.6"), registry=Registry().with_resources(resources))


def test_a_bill_of_packages_is_valid_and_the_same_each_time(official: Draft7Validator) -> None:
    packages = [
        Package("a", "1.0", (f"sha256:{'0' * 64}",), "python_version < '3.12'", "MIT"),
        Package("b", "2.0", licenses=("Some license",)),
        Package("c", "3.0"),
    ]
    bill = bill_of_packages("container", packages)
    assert not list(official.iter_errors(bill))
    assert bill == bill_of_packages("container", packages)
    assert bill["serialNumber"] != bill_of_packages("layer", packages[1:])["serialNumber"]
    first, second, third = bill["components"]
    assert first["licenses"] == [{"expression": "MIT"}]
    assert second["licenses"] == [{"license": {"name": "Some license"}}]
    assert "licenses" not in third
    assert first["purl"] == "pkg:pypi/a@1.0"


def test_the_schema_can_refuse_a_bill(official: Draft7Validator) -> None:
    assert list(official.iter_errors(bill_of_packages("layer", []) | {"specVersion": 7}))


def test_a_bill_of_a_version_has_every_file_with_its_digest(official: Draft7Validator) -> None:
    for artifact in (files(), large()[0]):
        document = json.loads(artifact["artifact.json"]) | {"tools": {"numpy": "0.0.1"}}
        bill = bill_of_artifact(3, digest(artifact), document)
        assert not list(official.iter_errors(bill))
        subject = bill["metadata"]["component"]
        assert (subject["type"], subject["version"]) == ("machine-learning-model", "3")
        named = [each["name"] for each in bill["components"] if each["type"] == "file"]
        engine = [f"engine/{path}" for path in document.get("engine", {}).get("files", {})]
        assert named == sorted([*document["files"], *engine])
        assert [each["name"] for each in bill["components"] if each["type"] == "library"]
