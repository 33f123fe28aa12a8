"""Messages and services, as `protos/` defines them; `make protos` compiles those.

They lie in a pool of their own: protobuf's default pool refuses a second definition of a name, and
a process that also holds a stock client has all of these there.
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
"""A FileDescriptorSet of `protos/*.proto` and what they import."""


@cache
def pool() -> DescriptorPool:
    """Every message and service that is spoken here."""
    found = DescriptorPool()
    for file in FileDescriptorSet.FromString(COMPILED.read_bytes()).file:
        found.AddSerializedFile(file.SerializeToString())
    return found


@cache
def message(name: str) -> Any:
    """The class of a message, such as `inference.ModelInferRequest`."""
    return GetMessageClass(pool().FindMessageTypeByName(name))


def parse(name: str, content: bytes) -> Any:
    """A message of a class, from its bytes.

    Raises:
        MalformedRequest: they are not such a message.
    """
    try:
        return message(name).FromString(content)
    except DecodeError as error:
        raise MalformedRequest(f"the request is not a {name}: {error}") from error


def service(name: str) -> ServiceDescriptor:
    """A service, such as `inference.GRPCInferenceService`."""
    return pool().FindServiceByName(name)
