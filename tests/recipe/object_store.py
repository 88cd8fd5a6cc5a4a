"""An object store as fsspec sees one: whole objects under flat names, which appear when committed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import fsspec
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

LOG_NAME = "log"


class Upload(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """An object that is being uploaded in parts, as to S3."""

    def _initiate_upload(self) -> None:
        self.parts: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> bool:
        self.buffer.seek(0)
        self.parts.append(self.buffer.read())
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        """Have it appear."""
        target = self.fs.file_of(self.path)
        part = target.with_name(f"{secrets.token_hex(8)}.part")
        part.write_bytes(b"".join(self.parts))
        part.replace(target)
        with (target.parent / LOG_NAME).open("a", encoding="utf-8") as log:
            log.write(f"{self.path}\n")

    def discard(self) -> None:
        """Forget the parts."""
        self.parts = []


class ObjectStore(AbstractFileSystem):  # type: ignore[misc]
    """Objects in one local folder, which any process may open.

    Args:
        root: The folder.
    """

    protocol = "bucket"
    cachable = False

    def __init__(self, root: str, **options: Any) -> None:
        super().__init__(**options)
        self.root = Path(root)

    def file_of(self, path: str) -> Path:
        """Where an object is kept."""
        return self.root / quote(self._strip_protocol(path), safe="")

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """The objects whose names begin so; there are no folders."""
        names = [unquote(found.name) for found in self.root.iterdir() if found.name != LOG_NAME]
        found = [self.info(name) for name in names if name.startswith(f"{path.rstrip('/')}/")]
        return found if detail else [entry["name"] for entry in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name and size of an object."""
        path = self._strip_protocol(path)
        return {"name": path, "size": self.file_of(path).stat().st_size, "type": "file"}

    def exists(self, path: str, **_: Any) -> bool:
        """Whether there is such an object."""
        return self.file_of(path).exists()

    def rm_file(self, path: str) -> None:
        """Remove an object."""
        self.file_of(path).unlink()

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Nothing: there are no folders."""

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, **options: Any) -> Any:
        if mode == "rb":
            return self.file_of(path).open("rb")
        if mode != "wb":
            raise NotImplementedError(mode)
        return Upload(self, path, mode, block_size=1 << 20, autocommit=options.get("autocommit", True))


def register_store() -> int:
    """Have fsspec know `bucket://` in this process; its number is returned."""
    fsspec.register_implementation("bucket", ObjectStore, clobber=True)
    return os.getpid()
