"""One template of the functions, layers and routes of a synthesised app, for `sam local`.

    python -m lading.emulator.gateway.sam_template [cdk.out]

SAM reads one template and looks functions up by name in it; here every model has a stack of its
own, beside the API's. What SAM runs nothing of, as roles and alarms, is left out. The models must
come from a local store (SAM cannot read a layer out of a bucket) and the app must be synthesised by
the CDK's command, which notes where each asset lies.
"""

import json
import sys
from collections.abc import Iterator, Mapping
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


class NotForSam(Exception):
    """The app was synthesised in a way that `sam local` cannot run."""


def sam_template(assembly: Path) -> dict[str, Any]:
    """The template for `sam local`; it must lie in `assembly`, for its paths start there.

    Raises:
        NotForSam: there is no app, or one whose code SAM would not find.
    """
    resources: dict[str, Any] = {}
    for number, file in enumerate(_templates(assembly)):
        stack = json.loads((assembly / file).read_text())["Resources"]
        names = {name: f"{name}{number}" for name in stack}
        for name, resource in stack.items():
            if resource["Type"] in _KINDS:
                resources[names[name]] = _renamed(_runnable(name, resource), names)
    return {"Resources": resources}


def write_sam_template(assembly: Path) -> Path:
    """Write `sam_template` beside what it names; its path.

    Raises:
        NotForSam: there is no such template.
    """
    path = assembly / FILE
    path.write_text(json.dumps(sam_template(assembly), indent=1))
    return path


def _templates(assembly: Path) -> Iterator[str]:
    try:
        artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    except (OSError, ValueError) as error:
        raise NotForSam(f"{assembly} holds no synthesised app; run `cdk synth`") from error
    for artifact in artifacts.values():
        if artifact["type"] == "aws:cloudformation:stack":
            yield artifact["properties"]["templateFile"]


def _runnable(name: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource without what it says of others that are left out."""
    kept = {key: resource[key] for key in ("Type", "Properties", "Metadata") if key in resource}
    if resource["Type"].startswith("AWS::Lambda::"):
        if _ASSET not in resource.get("Metadata", {}):
            advice = "package into a local store, and run `cdk synth`"
            raise NotForSam(f"the code of {name} is in a bucket; {advice}")
        kept["Properties"] = {key: it for key, it in kept["Properties"].items() if key != "Role"}
    return kept


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The same with each reference to a resource of its stack under the new name."""
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
        print(write_sam_template(Path(*sys.argv[1:2] or ["cdk.out"])))  # noqa: T201 its answer
    except NotForSam as refused:
        sys.exit(f"error: {refused}")
