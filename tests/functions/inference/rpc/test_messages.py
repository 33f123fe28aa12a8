"""The compiled messages are those of `protos/`, and those of the stock clients."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc
from tritonclient.grpc import service_pb2

from lading.functions.inference.rpc.messages import COMPILED, PROTOS, pool


def test_the_compiled_messages_are_up_to_date(tmp_path: Path) -> None:
    """`make protos` writes them."""
    out = tmp_path / "compiled.binpb"
    files = sorted(path.name for path in PROTOS.glob("*.proto"))
    include = Path(protoc.__file__).parent / "_proto"
    flags = [f"-I{PROTOS}", f"-I{include}", "--include_imports", f"--descriptor_set_out={out}"]
    assert protoc.main(["protoc", *flags, *files]) == 0
    kept, made = (FileDescriptorSet.FromString(path.read_bytes()) for path in (COMPILED, out))
    assert kept == made


def fields(message: Any) -> dict[str, tuple[int, int, bool, str]]:
    """Each field's name -> number, type, whether it repeats, and the message that it holds."""
    return {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            field.message_type.full_name if field.message_type else "",
        )
        for field in message.fields
    }


def messages(scope: Any) -> dict[str, Any]:
    nested = scope.nested_types_by_name if hasattr(scope, "nested_types_by_name") else None
    found = scope.message_types_by_name if nested is None else nested
    deeper = [messages(each) for each in found.values()]
    return {each.full_name: each for each in found.values()} | {
        name: each for below in deeper for name, each in below.items()
    }


@pytest.mark.parametrize("name", sorted(messages(pool().FindFileByName("open_inference.proto"))))
def test_a_message_has_the_fields_that_nvidias_client_knows(name: str) -> None:
    ours = messages(pool().FindFileByName("open_inference.proto"))[name]
    theirs = messages(service_pb2.DESCRIPTOR)[name]
    assert fields(ours).items() <= fields(theirs).items()
