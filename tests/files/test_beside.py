from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import Location, UsageError
from bridge.files.beside import beside


def test_only_files_beside_or_below_are_read(tmp_path: Path) -> None:
    folder, other = tmp_path / "net", tmp_path / "other"
    for path in (folder / "below" / "m.binaryproto", other / "m.binaryproto"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"m")
    (folder / "link").symlink_to(other / "m.binaryproto")
    where = Location(str(folder / "net.prototxt"), 3)
    assert beside(where, "below/m.binaryproto", "mean") == folder / "below" / "m.binaryproto"
    outside = ("", "../other/m.binaryproto", str(other / "m.binaryproto"), "link", "C:\\m")
    for name in outside:
        with pytest.raises(UsageError, match=r"net.prototxt:3: the mean is not beside the file"):
            beside(where, name, "mean")
    with pytest.raises(UsageError, match="cannot read the mean"):
        beside(where, "absent", "mean")
