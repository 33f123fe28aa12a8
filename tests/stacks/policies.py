"""IAM's decision about a call, from the policies in a template: actions, resources, conditions.

Only what the stacks use is evaluated; anything else raises, so that no statement is read wrongly.
Source: the IAM user guide on the elements of a policy and the evaluation of conditions.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

REGION, ACCOUNT = "eu-central-1", "000000000000"

_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
}
_HERE = f"{REGION}:{ACCOUNT}"
_ARNS = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::KMS::Key": f"arn:aws:kms:{_HERE}:key/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_HERE}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:{{}}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SageMaker::Endpoint": f"arn:aws:sagemaker:{_HERE}:endpoint/{{}}",
    "AWS::SageMaker::InferenceComponent": f"arn:aws:sagemaker:{_HERE}:inference-component/{{}}",
}
_NAMES = (
    *("FunctionName", "LogGroupName", "TableName", "BucketName", "InferenceComponentName"),
    "EndpointName",
)


class Need(NamedTuple):
    """A permission that a call needs: an action on a resource, under a context."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = {}


class Grant(NamedTuple):
    """One action on one resource that a statement allows."""

    action: str
    resource: str
    conditions: str


@dataclass
class RolePolicies:
    """What a role may do, and which of its grants were needed."""

    statements: list[Mapping[str, Any]]
    used: set[Grant] = field(default_factory=set)

    def allows(self, need: Need) -> bool:
        """Whether a statement allows it; the grants that do are used from then on."""
        found = {
            grant
            for statement in self.statements
            if _holds(statement.get("Condition", {}), need.context)
            for grant in grants(statement)
            if fnmatchcase(need.action.lower(), grant.action.lower())
            and _matches(grant.resource, need.resource)
        }
        self.used |= found
        return bool(found)

    def unused(self) -> set[Grant]:
        return {grant for each in self.statements for grant in grants(each)} - self.used


def grants(statement: Mapping[str, Any]) -> Iterator[Grant]:
    assert statement["Effect"] == "Allow", statement
    for action in _list(statement["Action"]):
        for resource in _list(statement["Resource"]):
            yield Grant(action, resource, repr(statement.get("Condition", {})))


def _holds(conditions: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
    return all(
        _satisfied(operator, _list(wanted), context.get(key))
        for operator, pairs in conditions.items()
        for key, wanted in pairs.items()
    )


def _satisfied(operator: str, wanted: list[str], value: Any) -> bool:
    if operator == "ForAnyValue:StringEquals":
        return any(it in wanted for it in value or ())
    if operator == "StringEquals":
        return value in wanted
    if operator == "StringLike":
        return value is not None and any(_matches(pattern, value) for pattern in wanted)
    raise NotImplementedError(operator)


def _matches(pattern: str, text: str) -> bool:
    """Whether a pattern of IAM matches; only `*` and `?` have a meaning."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Resolved:
    """A template whose references are replaced by the names and ARNs that AWS would give.

    Args:
        template: the template's document.
    """

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.resources: Mapping[str, Any] = template["Resources"]

    def functions(self) -> Mapping[str, Mapping[str, Any]]:
        """Function's name -> its properties."""
        found = (it["Properties"] for it in self.resources.values() if _is_function(it))
        return {properties["FunctionName"]: self.value(properties) for properties in found}

    def policies(self, function: str) -> RolePolicies:
        """The policies of a function's role."""
        (role,) = (
            it["Properties"]["Role"]["Fn::GetAtt"][0]
            for it in self.resources.values()
            if _is_function(it) and it["Properties"]["FunctionName"] == function
        )
        own = self.resources[role]["Properties"]
        assert not {"Policies", "ManagedPolicyArns"} & own.keys()
        documents = [
            it["Properties"]["PolicyDocument"]
            for it in self.resources.values()
            if it["Type"] == "AWS::IAM::Policy" and {"Ref": role} in it["Properties"]["Roles"]
        ]
        statements = [each for document in documents for each in document["Statement"]]
        return RolePolicies([self.value(each) for each in statements])

    def value(self, value: Any) -> Any:
        """Resolve the intrinsic functions in a value."""
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if not isinstance(value, dict):
            return value
        (key, argument) = next(iter(value.items()), ("", None))
        if key in self._intrinsics:
            return self._intrinsics[key](argument)
        assert not key.startswith("Fn::"), value
        return {key: self.value(each) for key, each in value.items()}

    @cached_property
    def _intrinsics(self) -> Mapping[str, Callable[[Any], Any]]:
        return {
            "Ref": self._reference,
            "Fn::GetAtt": lambda it: self._attribute(*it),
            "Fn::Join": lambda it: it[0].join(map(str, self.value(it[1]))),
            "Fn::Select": lambda it: self.value(it[1])[int(it[0])],
            "Fn::Split": lambda it: self.value(it[1]).split(it[0]),
            "Fn::Sub": lambda it: re.sub(
                r"\$\{([^}]+)\}", lambda found: str(self._reference(found[1])), it
            ),
        }

    def _reference(self, name: str) -> str:
        if name in _PSEUDO:
            return _PSEUDO[name]
        resource = self.resources[name]
        if resource["Type"] == "AWS::SageMaker::Endpoint":
            return self._attribute(name, "Arn")
        properties = resource.get("Properties", {})
        stated = (properties[key] for key in _NAMES if key in properties)
        return str(next(stated, name))

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self.resources[name]["Type"]
        if attribute.endswith("Arn"):
            if kind == "AWS::SageMaker::Endpoint":
                return _ARNS[kind].format(name)
            return _ARNS[kind].format(self._reference(name))
        return "1" if attribute == "Version" else name


def _is_function(resource: Mapping[str, Any]) -> bool:
    return bool(resource["Type"] == "AWS::Lambda::Function")
