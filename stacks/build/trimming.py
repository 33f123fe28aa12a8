"""Which files of a wheel go into the runtime layer.

The tables are part of the layer's hash, so a change to them makes a new layer. Tests compare each
entry with the real wheels, so that no entry outlives its reason.
"""

import struct
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

UNUSED_DISTRIBUTIONS: Mapping[str, str] = MappingProxyType(
    {
        "flatbuffers": "onnxruntime's converter to its own file format",
        "packaging": "onnxruntime's tools and its device checks",
        "protobuf": "onnxruntime's quantization and tools; a session reads models in C++",
    }
)
"""Required by packages that we use, but imported by nothing in the service."""

_OTHER_UTILITIES = tuple(
    f"aws_lambda_powertools/utilities/{name}/"
    for name in (
        *("auth_alpha", "batch", "circuit_breaker", "data_classes", "data_masking"),
        *("feature_flags", "kafka", "metadata", "parameters", "parser"),
        *("streaming", "validation"),
    )
)

_OTHER_SCIPY = (
    *("cluster", "constants", "datasets", "differentiate", "fft", "fftpack", "integrate"),
    *("interpolate", "io", "linalg", "misc", "ndimage", "odr", "optimize", "signal", "spatial"),
    "stats",
)
"""XGBoost and LightGBM only look whether rows are sparse."""

_OTHER_LITERT = ("aot/", "libLiteRtWebGpuAccelerator.", "tools/", "vendors/")

UNUSED_PATHS: Mapping[str, str] = MappingProxyType(
    {
        "onnxruntime/backend/": "an adapter for onnx's own test suite",
        "onnxruntime/capi/libonnxruntime.so.": "the engine again, for programs in C; the Python "
        "module contains it",
        "onnxruntime/datasets/": "models for its tests",
        "onnxruntime/quantization/": "packaging quantizes, the service does not",
        "onnxruntime/tools/": "for a workstation",
        "onnxruntime/transformers/": "for a workstation",
        "numpy/_core/_multiarray_tests.": "C for its tests",
        "numpy/_core/_operand_flag_tests.": "C for its tests",
        "numpy/_core/_rational_tests.": "C for its tests",
        "numpy/_core/_simd.": "C for its tests",
        "numpy/_core/_struct_ufunc_tests.": "C for its tests",
        "numpy/_core/_umath_tests.": "C for its tests",
        "numpy/conftest.py": "for its tests",
        "aws_lambda_powertools/event_handler/": "a web framework",
        **dict.fromkeys(_OTHER_UTILITIES, "not logs, metrics or idempotency"),
        **dict.fromkeys(
            (f"scipy/{name}/" for name in _OTHER_SCIPY), "not sparse matrices or special functions"
        ),
        **dict.fromkeys(
            (f"ai_edge_litert/{name}" for name in _OTHER_LITERT), "compilers and accelerators"
        ),
        "PIL/_avif.": "a decoder that no step uses",
        "PIL/_imagingcms.": "color profiles",
        "PIL/_imagingft.": "text in images",
        "PIL/_imagingtk.": "windows",
        "PIL/_webp.": "a decoder that no step uses",
        "pillow.libs/libavif-": "for PIL/_avif",
        "pillow.libs/libbrotli": "for fonts",
        "pillow.libs/libfreetype-": "for PIL/_imagingft",
        "pillow.libs/libharfbuzz-": "for PIL/_imagingft",
        "pillow.libs/liblcms2-": "for PIL/_imagingcms",
        "pillow.libs/libpng16-": "for fonts; Pillow reads PNG itself",
        "pillow.libs/libsharpyuv-": "for PIL/_webp",
        "pillow.libs/libwebp": "for PIL/_webp",
        "simdjson/": "the C++ source, and a wrapper of the module that we import directly",
    }
)
"""Starts of paths -> what is there."""

UNUSED_FOLDERS = frozenset({"__pycache__", "_pyinstaller", "docs", "include", "test", "tests"})
"""Names of folders that are left out everywhere."""

UNUSED_SUFFIXES = frozenset(
    {
        *(".a", ".c", ".cc", ".cpp", ".h", ".hpp", ".pxd", ".pyx"),
        *(".build", ".md", ".pc", ".pyi", ".rst", ".txt", ".typed"),
    }
)
"""For compilers, type checkers and readers; a running program does not need them."""

_UNUSED_OF_PACKAGES = frozenset({"__pycache__", "tests"})
_UNUSED_SUFFIXES_OF_PACKAGES = frozenset({".a", ".c", ".cc", ".cpp", ".hpp", ".pxd", ".pyx"})
"""A class of the user's own may use any other part of its packages, and read files of any kind."""

_METADATA = frozenset({"METADATA", "entry_points.txt"})


WHOLE: Mapping[str, str] = MappingProxyType({"skops": "scipy/"})
"""Layer -> the package of which it needs what other layers leave out."""


def is_kept(path: PurePosixPath, whole: str = "") -> bool:
    """Return whether the file at `path`, as installed, goes into the layer.

    Nothing of what `UNUSED_PATHS` names below `whole` is left out.
    """
    if path.parts[0].endswith(".dist-info"):
        return path.name in _METADATA and path.parent.name == path.parts[0]
    return not (
        path.suffix in UNUSED_SUFFIXES
        or path.name == "LICENSE"
        or UNUSED_FOLDERS.intersection(path.parts[:-1])
        or (
            str(path).startswith(tuple(UNUSED_PATHS))
            and not (whole and str(path).startswith(whole))
        )
    )


def is_kept_of_packages(path: PurePosixPath) -> bool:
    """Return whether a file of a package that a class of the user's own needs is kept."""
    if path.parts[0].endswith(".dist-info"):
        return is_kept(path)
    unused = _UNUSED_OF_PACKAGES.intersection(path.parts[:-1])
    return not (unused or path.suffix in _UNUSED_SUFFIXES_OF_PACKAGES)


def trimmed(path: PurePosixPath, content: bytes) -> bytes:
    """Return the part of a file that goes into the layer."""
    if path.name == "METADATA":
        return _metadata_fields(content)
    return _loaded_part(content)


def _metadata_fields(content: bytes) -> bytes:
    """Return metadata without the description, which is the project's README."""
    fields, _, _ = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    return fields + b"\n"


_ELF_64_LITTLE = b"\x7fELF\x02\x01"
_PROGRAM_HEADER_TABLE = struct.Struct("<32xQ14xHH")
_SEGMENT = struct.Struct("<8xQ16xQ")
_SECTION_TABLE_OFFSET, _SECTION_COUNTS = slice(40, 48), slice(58, 64)


def _loaded_part(content: bytes) -> bytes:
    """Return a shared library without debug information, which follows its last segment.

    All segments stay byte for byte; only the table of sections, which loaders do not read, is
    removed. This needs no `strip` for the target, and the result is the same on every machine.
    """
    if not content.startswith(_ELF_64_LITTLE):
        return content
    table, size, count = _PROGRAM_HEADER_TABLE.unpack_from(content)
    ends = [table + size * count]
    for index in range(count):
        offset, length = _SEGMENT.unpack_from(content, table + size * index)
        ends.append(offset + length)
    kept = bytearray(content[: max(ends)])
    kept[_SECTION_TABLE_OFFSET] = bytes(8)
    kept[_SECTION_COUNTS] = bytes(6)
    return bytes(kept)
