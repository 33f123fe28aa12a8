"""The messages and services that `protos/` defines; `make protos` compiles them.

They have their own pool: protobuf's default pool rejects a second definition of a name, and a stock
client in the same process defines the same names there.
"""

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from lading.functions.contract.errors import MalformedRequest

PROTOS = Path(__file__).parent / "protos"
COMPILED = PROTOS / "compiled.binpb"
"""A FileDescriptorSet of `protos/*.proto` and their imports."""


@cache
def pool() -> DescriptorPool:
    """Return the pool of all messages and services."""
    found = DescriptorPool()
    for file in FileDescriptorSet.FromString(COMPILED.read_bytes()).file:
        found.AddSerializedFile(file.SerializeToString())
    return found


@cache
def message(name: str) -> Any:
    """Return the class of a message, such as `inference.ModelInferRequest`."""
    return GetMessageClass(pool().FindMessageTypeByName(name))


def parse(name: str, content: bytes) -> Any:
    """Parse a message of a class.

    Raises:
        MalformedRequest: the bytes are not such a message.
    """
    try:
        return message(name).FromString(content)
    except DecodeError as error:
        raise MalformedRequest(f"the request is not a {name}: {error}") from error


def service(name: str) -> ServiceDescriptor:
    """Return a service, such as `inference.GRPCInferenceService`."""
    return pool().FindServiceByName(name)
