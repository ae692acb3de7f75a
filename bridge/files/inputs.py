"""Files that a user names: whether they exist, and what their first bytes say they are.

So the message on a wrong file can name its format. (Magic numbers: each format's own specification,
and https://github.com/file/file, magic/Magdir)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import Location, UsageError, did_you_mean

# The number of bytes that show what a file is.
GLANCE = 1024

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class FileType:
    """A kind of file, by name, and what to do with one that was passed by mistake."""

    name: str
    hint: str | None


ONNX, KERAS = "an ONNX graph", "a Keras model (.keras)"
TFLITE = "a TensorFlow Lite model"
CAFFEMODEL = "a caffemodel"

_AGAIN = "the download went wrong: fetch the file again"
_UNPACK = "unpack it, and pass the file in it"
_RAW = "fetch the file itself, by the site's 'Raw' or 'Download' link"
_UTF8 = "save it as UTF-8 (iconv -f UTF-16 -t UTF-8 OLD > NEW)"
_FROM_CAFFE = "caffe-to-onnx and caffe-to-keras take it: NET.prototxt WEIGHTS.caffemodel"
_FROM_ONNX = "onnx-to-keras takes it"
_FROM_KERAS = "keras-to-onnx takes it"
_FROM_TORCH = "export the model in PyTorch: torch.onnx.export(model, (example,), 'net.onnx')"
_FROM_GRAPHDEF = (
    "make ONNX of it: python -m tf2onnx.convert --graphdef FILE --inputs … --outputs … "
    "--output net.onnx"
)
_FROM_TFLITE = "convert the model that it was made from; check, predict and inspect take it"
_EXPORT = "bridge reads nets of Caffe and ONNX: export it to ONNX with its own framework"
_FOR_PREDICT = "predict takes it, behind a model: MODEL IMAGE…"
_SNAPSHOT = "pass the .caffemodel that was saved with it"

# The first that matches decides.
_BINARIES: tuple[tuple[bytes, str, str | None], ...] = (
    (rb"PK\x03\x04.{26}(?:metadata|config)\.json", KERAS, _FROM_KERAS),
    (rb"PK\x03\x04.{26}[\w.-]+/(?:data\.pkl|\.format)", "a PyTorch checkpoint", _FROM_TORCH),
    (rb"PK\x03\x04.{26}[\w./-]+\.npy", "a NumPy archive (.npz)", None),
    (rb"PK[\x03\x05]", "a zip archive", _UNPACK),
    (rb"\x1f\x8b", "a gzip archive", _UNPACK),
    (rb"BZh[1-9]", "a bzip2 archive", _UNPACK),
    (rb"\xfd7zXZ\0", "an xz archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!\x1a\x07", "a rar archive", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (rb".{257}ustar", "a tar archive", _UNPACK),
    (
        re.escape(HDF5_MAGIC),
        "an HDF5 file",
        "it has no net, weights at most: put its prototxt before it",
    ),
    (rb"\x80[\x02-\x05]", "a Python pickle, perhaps a PyTorch checkpoint", _FROM_TORCH),
    (rb"\x93NUMPY", "a NumPy array (.npy)", None),
    (rb"MATLAB 5\.0", "a MATLAB file", None),
    (rb"%PDF", "a PDF", None),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{4}\0{4}", "an image", _FOR_PREDICT),
    (rb".{4}TFL3", TFLITE, _FROM_TFLITE),
    (rb"\x08\x01\x10.\x18", "a mean image (.binaryproto)", "--mean FILE takes it"),
    (rb"\x08[\0-\xff]{1,9}\x12[\0-\xff]{1,300}\.caffemodel", "a solver state", _SNAPSHOT),
    (
        rb"\x0a.{1,3}\x0a.[ -~]+\x12.(?:Placeholder|Const|VarHandleOp|VariableV2|NoOp)",
        "a TensorFlow graph (.pb)",
        _FROM_GRAPHDEF,
    ),
    (rb"\x08[\x01-\x1f][\x12\x1a\x22\x28\x32\x3a\x42]", ONNX, _FROM_ONNX),
    (rb"\x08", "a solver state", _SNAPSHOT),
)

# For files whose first bytes are text: a caffemodel may begin with a line feed, too.
_TEXTS: tuple[tuple[bytes, str, str | None], ...] = (
    (rb"\Z", "an empty file", _AGAIN),
    (rb"\0+\Z", "a file of zeros", _AGAIN),
    (rb"version https://git-lfs", "a Git LFS pointer", "fetch the file itself: git lfs pull"),
    (rb"\xff\xfe|\xfe\xff|(?:[\t\n\r -~]\0){4}|(?:\0[\t\n\r -~]){4}", "text in UTF-16", _UTF8),
    (rb"\s*(?:https?|ftp)://\S+\s*\Z|\[InternetShortcut\]", "a link", "fetch what it points to"),
    (rb"\s*<\?xml", "an XML file", None),
    (rb"(?:\xef\xbb\xbf)?\s*<", "a web page (HTML)", _RAW),
    (rb"\s*(?:404|Not Found|Access ?[Dd]enied)", "a server's error message", _AGAIN),
    (rb"(?:\s|#[^\n]*\n)*\[net(?:work)?\]", "a net of Darknet (.cfg)", _EXPORT),
    (rb"7767517\s", "a net of ncnn (.param)", _EXPORT),
    (rb"\s*[{[]", "a JSON file", None),
)


def _compiled(
    table: Sequence[tuple[bytes, str, str | None]],
) -> list[tuple[re.Pattern[bytes], FileType]]:
    return [
        (re.compile(rb"\A(?:" + magic + rb")", re.DOTALL), FileType(name, hint))
        for magic, name, hint in table
    ]


_OF_ANY, _OF_TEXT = _compiled(_BINARIES), _compiled(_TEXTS)


def readable(path: str | Path, what: str) -> Path:
    """The path of a file that a user names. Raises UsageError if it is not a file."""
    if not Path(path).is_file():
        raise missing(path, what)
    return Path(path)


def missing(path: str | Path, what: str) -> UsageError:
    """The error for a path without a file."""
    file, received, hint = Path(path), "no such file", ""
    where = url_of(path) or file
    if where is not file:
        received, hint = "a URL", f"download it first: curl -LO {where}"
    elif file.is_dir():
        received, hint = "a folder", _held(file)
    elif file.exists():
        received, hint = "a pipe or a device", "write it to a file first"
    else:
        hint = _nearest(file)
    return UsageError(
        f"cannot read the {what}", where=Location.of(where), received=received, hint=hint or None
    )


def url_of(path: str | Path) -> str:
    """The URL of a path that is one, in which pathlib has dropped a slash; "" for a path."""
    link = re.match(r"(https?|ftp):/+(.*)", str(path))
    return f"{link[1]}://{link[2]}" if link else ""


def _nearest(file: Path) -> str:
    """The file of the same folder that may be meant."""
    folder = next((parent for parent in file.parents if parent.is_dir()), Path())
    if folder != file.parent:
        return f"there is no folder {file.parent}"
    return did_you_mean(file.name, (entry.name for entry in folder.iterdir())) or _held(
        folder, file.suffix
    )


_READ = (".prototxt", ".caffemodel", ".onnx", ".keras")
_IMAGES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def _held(folder: Path, suffix: str = "") -> str:
    """The files of a folder that may be meant: images where an image is missing, by its suffix."""
    alike = _IMAGES if suffix.lower() in _IMAGES else _READ
    files = sorted(entry.name for entry in folder.iterdir() if entry.suffix.lower() in alike)
    return f"the folder has {', '.join(files[:5])}" if files else ""


def glance(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(GLANCE)


def identify(start: bytes) -> FileType | None:
    """The kind of a file with these first bytes; None for text and for unknown binary files, which
    Caffe's own may be."""
    table = _OF_ANY if looks_binary(start) else [*_OF_ANY, *_OF_TEXT]
    return next((kind for pattern, kind in table if pattern.match(start)), None)


def looks_binary(start: bytes) -> bool:
    """Whether a file's first bytes have control characters, as text does not.

    A NUL does not count: damaged text may have it.
    """
    return any(byte < 0x20 and byte not in b"\0\t\n\f\r" for byte in start)


def of(path: Path) -> FileType | None:
    """The kind of a file, by its first bytes, with Caffe's own files as well."""
    start = glance(path)
    if (kind := identify(start)) is not None:
        return kind
    if looks_binary(start):
        return FileType(CAFFEMODEL, _FROM_CAFFE) if path.suffix == ".caffemodel" else None
    if looks_like_prototxt(start):
        return FileType("a prototxt", _FROM_CAFFE)
    return FileType("a text file", None)


def other_kind(path: Path, problem: str, expected: str) -> UsageError:
    """The error for a file that is not what is expected, with what it is instead."""
    kind = of(path) if path.is_file() else None
    received, hint = (None, None) if kind is None else (kind.name, kind.hint)
    return UsageError(problem, where=path, expected=expected, received=received, hint=hint)


_PROTOTXT = re.compile(rb"\A(?:\s|#[^\n]*\n)*[A-Za-z_]\w*\s*[:{]")


def looks_like_prototxt(start: bytes) -> bool:
    """Whether a text begins like a prototxt, with the name of a field."""
    return _PROTOTXT.match(start) is not None
