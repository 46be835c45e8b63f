"""``importlib.resources`` for packages whose files stay in the executable."""

import io
import os

import _pack

try:
    from importlib.resources.abc import Traversable, TraversableResources
except ImportError:
    from importlib.abc import Traversable, TraversableResources

from pack_runtime.importer import bundle_path, memory_data


class MemoryReader(TraversableResources):
    """A package's files, those in memory and those on disk."""

    def __init__(self, folder):
        self._folder = folder

    def files(self):
        return MemoryPath(self._folder)


class MemoryPath(Traversable):
    """A file or folder under ``sys._MEIPASS`` that may be on disk, in memory, or both."""

    def __init__(self, path):
        self._path = path

    def __repr__(self):
        return f"MemoryPath({self._path!r})"

    @property
    def name(self):
        return os.path.basename(self._path)

    def iterdir(self):
        names = set(_pack.listing(bundle_path(self._path) or ""))
        if os.path.isdir(self._path):
            names.update(os.listdir(self._path))
        return iter([MemoryPath(os.path.join(self._path, name)) for name in sorted(names)])

    def is_dir(self):
        return os.path.isdir(self._path) or bool(_pack.listing(bundle_path(self._path) or ""))

    def is_file(self):
        return os.path.isfile(self._path) or memory_data(self._path) is not None

    def exists(self):
        return self.is_file() or self.is_dir()

    def joinpath(self, *names):
        path = self._path
        for name in names:
            for part in os.fspath(name).split("/"):
                if part == "..":
                    raise ValueError(f"{name!r} leaves its package")
                if part and part != ".":
                    path = os.path.join(path, part)
        return MemoryPath(path)

    __truediv__ = joinpath

    def read_bytes(self):
        data = memory_data(self._path)
        if data is None:
            with io.open_code(self._path) as file:
                return file.read()
        return data

    def read_text(self, encoding=None, errors="strict"):
        return self.read_bytes().decode(encoding or "utf-8", errors)

    def open(self, mode="r", *args, **kwargs):
        stream = io.BytesIO(self.read_bytes())
        return stream if "b" in mode else io.TextIOWrapper(stream, *args, **kwargs)
