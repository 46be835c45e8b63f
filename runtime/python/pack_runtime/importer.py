"""The importer: modules whose code lies in the program's executable.

``_pack`` is the runtime library's own module: it looks names up in the mapped index and unmarshals code. What is here
gives the import system the objects it expects. Paths are those that the files have, or would have, under
``sys._MEIPASS``.
"""

import sys

import _pack
from _imp import _fix_co_filename
from gc import get_threshold, set_threshold
from _frozen_importlib import ModuleSpec, _call_with_frames_removed
from _frozen_importlib_external import (
    ExtensionFileLoader,
    FileFinder,
    PathFinder,
    SourceFileLoader,
    _get_supported_file_loaders,
    _path_isdir,
    decode_source,
)

PACKAGE = 1
EXTENSION = 2
NEEDS = 4

# Objects allocated before the garbage collector looks, while modules are imported: nearly all of what importing makes
# stays, and looking through it again and again is a tenth of the time.
_IMPORTING = 50_021

_WINDOWS = sys.platform == "win32"
_SEPARATOR = "\\" if _WINDOWS else "/"
_PREFIX = _pack.meipass + _SEPARATOR


def full_path(file):
    """Where a file of the bundle is, or would be."""
    return _PREFIX + (file.replace("/", "\\") if _WINDOWS else file)


def bundle_path(path):
    """The path in the bundle of what lies below ``sys._MEIPASS``; None for all else."""
    if _WINDOWS:
        path = path.replace("/", "\\")
    if not path.startswith(_PREFIX):
        return None
    path = path[len(_PREFIX) :]
    return path.replace("\\", "/") if _WINDOWS else path


def folder_of(path):
    """The folder that a file below ``sys._MEIPASS`` lies in."""
    return path.rpartition(_SEPARATOR)[0]


class PackLoader(SourceFileLoader):
    """Loads one module from the executable; in all else a loader of the source file that it was compiled from."""

    def __init__(self, fullname, path, index):
        self.name = fullname
        self.path = path
        self._index = index

    # Files of the module's package, or its folders, wait to be made until it is executed.
    _needs = False

    def exec_module(self, module):
        if self._needs:
            _pack.unpack(self._index)
        threshold = get_threshold()
        if threshold[0] in (0, _IMPORTING):
            self._execute(module)
            return
        set_threshold(_IMPORTING, *threshold[1:])
        try:
            self._execute(module)
        finally:
            # Unless the module wanted another one.
            if get_threshold()[0] == _IMPORTING:
                set_threshold(*threshold)

    def _execute(self, module):
        _call_with_frames_removed(exec, load_code(self._index, self.path), module.__dict__)
        if self.name == "pkg_resources":
            _introduce_to(module)
        elif self.name == "multiprocessing.spawn" and _WINDOWS:
            # Its word for a frozen program that reaches `freeze_support()`, and whose main module nobody else can load.
            module.WINEXE = False
        elif self.name in ("ctypes", "ctypes.util"):
            from pack_runtime import libraries

            (libraries.introduce if self.name == "ctypes" else libraries.introduce_search)(module)

    def get_code(self, fullname):
        return load_code(self._index, self.path)

    def get_source(self, fullname):
        source = _pack.source(self._index)
        if source is not None:
            return decode_source(source)
        try:
            return super().get_source(fullname)
        except ImportError:
            # Shipped as bytecode alone.
            return None

    def get_data(self, path):
        data = memory_data(path)
        return super().get_data(path) if data is None else data

    def get_resource_reader(self, fullname):
        folder = folder_of(self.path)
        if not self.is_package(fullname) or not _pack.listing(bundle_path(folder)):
            # Nothing of it is in memory alone: its folder is all there is.
            return super().get_resource_reader(fullname)
        from pack_runtime.resources import MemoryReader

        return MemoryReader(folder)


class PackExtensionLoader(ExtensionFileLoader):
    """Loads an extension module after the libraries of the bundle that its own search path does not lead to."""

    def __init__(self, fullname, path, index):
        self.name = fullname
        self.path = path
        self._index = index

    def create_module(self, spec):
        if spec.name in _pack.refused:
            # Not left to CPython, which would run code of the module before it says no.
            _pack.turned_away.append(spec.name)
            message = f"extension module {spec.name} cannot be loaded in an interpreter with a GIL of its own"
            raise ImportError(message, name=spec.name, path=self.path)
        _pack.preload(self._index)
        return super().create_module(spec)

    def exec_module(self, module):
        super().exec_module(module)
        if self.name == "_tkinter":
            from pack_runtime import tk

            tk.introduce(module)


class PackFinder:
    """Finds modules by name in the executable's index; first on ``sys.meta_path``."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if path is None and sys.path and sys.path[0] != _pack.meipass:
            # The program put folders in front of its own: what lies there comes first, as in any Python.
            spec = PathFinder.find_spec(fullname, _before_ours(), target)
            if spec is not None and spec.loader is not None:
                return spec
        found = _pack.find(fullname)
        if found is None:
            stand_in = _STAND_INS.get(fullname)
            return stand_in and stand_in()
        spec = make_spec(fullname, *found)
        return None if path is not None and _is_elsewhere(spec, path) else spec

    @staticmethod
    def invalidate_caches():
        """The index never changes."""


def _introduce_to(pkg_resources):
    """``pkg_resources`` knows what finders there are by their types, and looked around before it could know ours."""
    pkg_resources.register_finder(PackPathFinder, pkg_resources.find_on_path)
    pkg_resources._initialize_master_working_set()


def _before_ours():
    """The entries of ``sys.path`` in front of the program's own folder."""
    path = list(sys.path)
    return path[: path.index(_pack.meipass)] if _pack.meipass in path else path


def make_spec(fullname, index, flags, file):
    """The spec of a module of the index."""
    path = full_path(file)
    loader = (PackExtensionLoader if flags & EXTENSION else PackLoader)(fullname, path, index)
    if flags & (NEEDS | PACKAGE):
        loader._needs = True
    spec = ModuleSpec(fullname, loader, origin=path)
    if flags & PACKAGE:
        spec.submodule_search_locations = [folder_of(path)]
    spec._set_fileattr = True
    # Given, so that the import system does not compute the name of a cache file that nobody will read.
    spec._cached = None if flags & EXTENSION else path + "c"
    return spec


def _is_elsewhere(spec, path):
    """Whether a module is another package's than the one with this ``__path__``, which has the same name: a vendored
    copy, say. A path that leads out of the program's folder, as one with links resolved may, says nothing."""
    folder = folder_of(spec.origin)
    if spec.submodule_search_locations is not None:
        folder = folder_of(folder)
    return folder not in path and any(_is_folder(str(entry)) for entry in path)


def _distutils():
    """The copy that setuptools has, for a Python without its own (3.12 and later): what its ``.pth`` file arranges at the
    start of an interpreter is done when somebody asks."""
    if _pack.find("_distutils_hack") is None:
        return None
    import _distutils_hack

    _distutils_hack.add_shim()
    return _distutils_hack.DISTUTILS_FINDER.find_spec("distutils", None)


def _splash():
    """The module that PyInstaller gives to programs with a splash screen."""
    return make_spec("pyi_splash", *_pack.find("pack_runtime.splash"))


# What gives the spec of a module that is no file of the program.
_STAND_INS = {"distutils": _distutils, "pyi_splash": _splash}


def load_code(index, path):
    """A module's code object, which names ``path`` as its file."""
    code = _pack.code(index)
    # The file name in it is relative to the bundle; where that is, is known only now.
    _fix_co_filename(code, path)
    return code


def memory_data(path):
    """The bytes of a file that stays in the executable, or None."""
    path = bundle_path(str(path))
    return None if path is None else _pack.entry(path)


class PackPathFinder:
    """What ``sys.path_hooks`` give for a folder under ``sys._MEIPASS``: its files, and the modules of the index whose
    files would lie in it."""

    def __init__(self, path):
        path = _without_dots(path)
        if not _is_folder(path):
            raise ImportError("not a folder of this program", path=path)
        self.path = path
        self._package = _package_of(path)
        self._files = FileFinder(path, *_get_supported_file_loaders())

    def __repr__(self):
        return f"PackPathFinder({self.path!r})"

    def find_spec(self, fullname, target=None):
        name = fullname.rpartition(".")[2]
        if self._package:
            # The folder of a package may be on `sys.path`, too.
            name = f"{self._package}.{name}"
        for name in {fullname, name}:
            found = _pack.find(name)
            if found is not None and _folder_of(*found[1:]) == self.path:
                # Who asks a folder may look for the file.
                _pack.ensure(found[2])
                return make_spec(fullname, *found)
        _pack.hush(True)
        try:
            spec = self._files.find_spec(fullname, target)
        finally:
            _pack.hush(False)
        return self._namespace(fullname) if spec is None else spec

    def _namespace(self, fullname):
        """A folder without a module of its own, whose files may all wait to be written."""
        path = self.path + _SEPARATOR + fullname.rpartition(".")[2]
        if not _pack.is_folder(bundle_path(path)):
            return None
        spec = ModuleSpec(fullname, None)
        spec.submodule_search_locations = [path]
        return spec

    def invalidate_caches(self):
        self._files.invalidate_caches()

    def iter_modules(self, prefix=""):
        from pkgutil import iter_importer_modules

        known = {
            name.rpartition(".")[2]: bool(flags & PACKAGE)
            for name, flags, file in _pack.below(self._package)
            if _folder_of(flags, file) == self.path
        }
        _pack.hush(True)
        try:
            for name, package in iter_importer_modules(self._files):
                known.setdefault(name, package)
        finally:
            _pack.hush(False)
        for name in sorted(known):
            yield prefix + name, known[name]


class PackMainFinder:
    """What ``sys.path_hooks`` give for the executable, which is ``sys.argv[0]``: the program's main module, as for a script
    that runs itself again (``runpy.run_path``)."""

    def __init__(self, path):
        # Taken out of `sys.modules` by the time it is looked for.
        self._loader = getattr(sys.modules["__main__"], "__loader__", None)
        if path != sys.executable or not isinstance(self._loader, PackLoader):
            raise ImportError("not this program", path=path)

    def find_spec(self, fullname, target=None):
        if fullname != "__main__":
            return None
        spec = ModuleSpec(fullname, self._loader, origin=self._loader.path)
        spec._set_fileattr = True
        return spec


def _without_dots(path):
    """``path`` without ``..``, which stands for nothing where the folder before it is not there."""
    if ".." not in path:
        return path
    from os.path import normpath

    return normpath(path)


def _is_folder(path):
    if path == _pack.meipass:
        return True
    inside = bundle_path(path)
    return inside is not None and (_path_isdir(path) or _pack.is_folder(inside))


def _folder_of(flags, file):
    """The folder in which a module's file, or a package's folder, lies."""
    path = full_path(file)
    if flags & PACKAGE:
        path = folder_of(path)
    return folder_of(path)


def _package_of(path):
    """The dotted name of the package whose folder ``path`` is, as far as the index can know it."""
    folder = bundle_path(path) or ""
    for root in _pack.roots:
        if folder == root:
            return ""
        if folder.startswith(root + "/"):
            folder = folder[len(root) + 1 :]
            break
    return folder.replace("/", ".")


def install():
    """Puts the importer in front of all others and gives the modules that started from it their real names."""
    sys.meta_path.insert(0, PackFinder)
    sys.path_hooks[:0] = [PackPathFinder, PackMainFinder]
    sys.path_importer_cache.clear()
    for name in list(sys.modules):
        found = _pack.find(name)
        if found is None or found[1] & EXTENSION:
            continue
        module = sys.modules[name]
        spec = make_spec(name, *found)
        module.__spec__ = spec
        module.__loader__ = spec.loader
        module.__file__ = spec.origin
        module.__cached__ = spec.cached
        if found[1] & PACKAGE:
            module.__path__ = spec.submodule_search_locations
