"""One template with the functions, layers and routes of a synthesized app, for `sam local`.

    python -m lading.emulator.gateway.sam_template [cdk.out]

SAM reads a single template and finds functions by name in it, while the app has a stack for each
model and one for the API. Resources that SAM does not run, such as roles and alarms, are left out.
The models must come from a local store, since SAM cannot read a layer from a bucket, and the CDK's
command must have synthesized the app, since it records the path of each asset.
"""

import json
import sys
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

FILE = "sam-local.template.json"

_KINDS = frozenset(
    (
        *("AWS::Lambda::Function", "AWS::Lambda::LayerVersion", "AWS::ApiGateway::RestApi"),
        *("AWS::ApiGateway::Resource", "AWS::ApiGateway::Method", "AWS::ApiGateway::Stage"),
    )
)
_ASSET = "aws:asset:path"
_FUNCTION = "AWS::Lambda::Function"
_ROLE = "arn:aws:iam::000000000000:role/sam-local"
"""CloudFormation requires a role; SAM uses the credentials of the shell."""


class NotForSam(Exception):
    """`sam local` cannot run the synthesized app."""


def sam_template(assembly: Path) -> dict[str, Any]:
    """Return the template for `sam local`; its paths are relative to `assembly`.

    Raises:
        NotForSam: there is no app, or SAM would not find its code.
    """
    resources: dict[str, Any] = {}
    for number, file in enumerate(_templates(assembly)):
        stack = json.loads((assembly / file).read_text())["Resources"]
        kept = {name: it for name, it in stack.items() if it["Type"] in _KINDS}
        names = {name: f"{name}{number}" for name in kept}
        absent = stack.keys() - kept.keys()
        for name, resource in kept.items():
            resources[names[name]] = _renamed(_runnable(name, resource, absent), names)
    return {"Resources": resources}


def write_sam_template(assembly: Path) -> Path:
    """Write the template into `assembly`, and return its path.

    Raises:
        NotForSam: there is no app, or SAM would not find its code.
    """
    path = assembly / FILE
    path.write_text(json.dumps(sam_template(assembly), indent=1))
    return path


def _templates(assembly: Path) -> Iterator[str]:
    try:
        artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    except (OSError, ValueError) as error:
        raise NotForSam(f"{assembly} has no synthesized app; run `cdk synth`") from error
    for artifact in artifacts.values():
        if artifact["type"] == "aws:cloudformation:stack":
            yield artifact["properties"]["templateFile"]


def _runnable(name: str, resource: Mapping[str, Any], absent: Container[str]) -> dict[str, Any]:
    """Return a resource without the properties that refer to resources that are left out."""
    kept = {key: resource[key] for key in ("Type", "Properties", "Metadata") if key in resource}
    if resource["Type"].startswith("AWS::Lambda::") and _ASSET not in resource.get("Metadata", {}):
        advice = "package into a local store, then run `cdk synth`"
        raise NotForSam(f"the code of {name} is in a bucket; {advice}")
    properties = {
        key: value
        for key, value in resource.get("Properties", {}).items()
        if key not in _NO_VERSIONS and not any(name in absent for name in _references(value))
    }
    if resource["Type"] == _FUNCTION:
        properties["Role"] = _ROLE
    if properties.get("AuthorizationType") == "CUSTOM" and "AuthorizerId" not in properties:
        properties["AuthorizationType"] = "NONE"
    return {**kept, "Properties": properties}


_NO_VERSIONS = frozenset({"SnapStart"})
"""Properties that need a published version, of which SAM has none."""


def _references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a value refers to."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        if value.keys() == {"Ref"}:
            yield value["Ref"]
        elif value.keys() == {"Fn::GetAtt"}:
            yield value["Fn::GetAtt"][0]
        else:
            yield from _references([*value.values()])


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return the value, with each reference to a resource of its stack renamed."""
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"}:
        return {"Ref": names.get(value["Ref"], value["Ref"])}
    if value.keys() == {"Fn::GetAtt"}:
        name, *attribute = value["Fn::GetAtt"]
        return {"Fn::GetAtt": [names.get(name, name), *attribute]}
    return {key: _renamed(item, names) for key, item in value.items()}


if __name__ == "__main__":
    try:
        print(write_sam_template(Path(*sys.argv[1:2] or ["cdk.out"])))  # noqa: T201 its output
    except NotForSam as refused:
        sys.exit(f"error: {refused}")
