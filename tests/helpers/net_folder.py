"""The files of one net in a folder of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NetFolder:
    folder: Path

    @property
    def prototxt(self) -> Path:
        return self.folder / "net.prototxt"

    @property
    def caffemodel(self) -> Path:
        return self.folder / "net.caffemodel"
