# Stands for the package `PyInstaller` in the process that runs hooks: what hooks import from it, by the documented names and
# meanings. Hooks find out about installed packages with it and leave lists in their own variables. What is not here makes
# a hook fail, which is told and harms nothing.
import fnmatch
import glob as globbing
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import logging
import os
import pkgutil
import subprocess
import sys
import sysconfig
import types

PY_SUFFIXES = importlib.machinery.all_suffixes()
DYNAMIC_LIBRARIES = ["*.dll", "*.dylib", "lib*.so"]
logger = logging.getLogger("hooks")


def _module(name, **contents):
    module = types.ModuleType(name)
    module.__path__ = []
    module.__dict__.update(contents)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)
    return module


# What runs away from this process: importing a package may change it, or end it.

def _call(function, *arguments, **keywords):
    return function(*arguments, **keywords)


def _decorate(function):
    return function


def exec_statement(statement):
    run = subprocess.run([sys.executable, "-c", statement], stdout=subprocess.PIPE, text=True, timeout=60)
    return run.stdout.strip()


def eval_statement(statement):
    text = exec_statement(statement)
    return eval(text) if text else ""


def exec_script(script, *arguments):
    run = subprocess.run([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True, timeout=60)
    return run.stdout.strip()


# Packages and modules, found without being imported where that is possible.

def _spec(name):
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def can_import_module(name):
    return _spec(name) is not None


def is_package(name):
    spec = _spec(name)
    return bool(spec and spec.submodule_search_locations is not None)


def get_module_file_attribute(package):
    spec = _spec(package)
    if spec is None or not spec.origin or not spec.has_location:
        raise ImportError(f"no file of {package} was found")
    return spec.origin


def get_module_attribute(module, attribute):
    code = f"import {module} as m; print(repr(m.{attribute}))"
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60)
    if run.returncode:
        raise AttributeError(f"{module} has no {attribute}")
    return eval(run.stdout)


def get_all_package_paths(package):
    spec = _spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ValueError(f"{package} is no package")
    return list(spec.submodule_search_locations)


def package_base_path(path, package):
    for _ in package.split("."):
        path = os.path.dirname(path)
    return path


def get_package_paths(package):
    path = get_all_package_paths(package)[0]
    return package_base_path(path, package), path


def remove_prefix(text, prefix):
    return text[len(prefix):] if text.startswith(prefix) else text


def remove_suffix(text, suffix):
    return text[:-len(suffix)] if suffix and text.endswith(suffix) else text


def remove_file_extension(name):
    for suffix in sorted(PY_SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return name[:-len(suffix)]
    return os.path.splitext(name)[0]


def collect_submodules(package, filter=lambda name: True, on_error="warn once"):
    spec = _spec(package)
    if spec is None:
        logger.warning("there is no package %s", package)
        return []
    found = [package] if filter(package) else []
    pending = [(package, list(spec.submodule_search_locations or ()))]
    while pending:
        name, paths = pending.pop()
        for item in pkgutil.iter_modules(paths):
            below = f"{name}.{item.name}"
            if filter(below):
                found.append(below)
            if item.ispkg:
                pending.append((below, [os.path.join(item.module_finder.path, item.name)]))
    return sorted(found)


def is_module_or_submodule(name, other):
    return name == other or name.startswith(other + ".")


# Files.

def _files(package):
    for base in get_all_package_paths(package):
        root = package_base_path(base, package)
        for folder, folders, names in os.walk(base):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                yield root, base, os.path.join(folder, name)


def _matches(path, base, patterns):
    below = os.path.relpath(path, base)
    for pattern in patterns:
        plain = pattern[3:] if pattern.startswith("**/") else pattern
        if fnmatch.fnmatch(below, pattern) or fnmatch.fnmatch(below, plain) or fnmatch.fnmatch(below, pattern + "/*"):
            return True
        if "/" not in plain and fnmatch.fnmatch(os.path.basename(path), plain):
            return True
    return False


def collect_data_files(package, include_py_files=False, subdir=None, excludes=None, includes=None):
    if not is_package(package):
        logger.warning("%s is no package: it has no data", package)
        return []
    found = []
    for root, base, path in _files(package):
        start = os.path.join(base, subdir) if subdir else base
        if not path.startswith(start):
            continue
        is_code = path.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES) + (".pyc",))
        if is_code or (path.endswith(".py") and not include_py_files):
            continue
        if includes and not _matches(path, base, includes):
            continue
        if excludes and _matches(path, base, excludes):
            continue
        found.append((path, os.path.relpath(os.path.dirname(path), root)))
    return found


def collect_dynamic_libs(package, destdir=None, search_patterns=DYNAMIC_LIBRARIES):
    if not is_package(package):
        return []
    found = []
    for root, _, path in _files(package):
        name = os.path.basename(path)
        versioned = ".so." in name and "*.so.*" in search_patterns
        if versioned or any(fnmatch.fnmatch(name, pattern) for pattern in search_patterns):
            found.append((path, destdir or os.path.relpath(os.path.dirname(path), root)))
    return found


def collect_system_data_files(path, destdir=None, include_py_files=False):
    found = []
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            if include_py_files or not name.endswith((".py", ".pyc")):
                below = os.path.relpath(folder, path)
                found.append((os.path.join(folder, name), os.path.normpath(os.path.join(destdir or "", below))))
    return found


# Distributions.

def _requirement(text):
    for package in ("packaging", "setuptools._vendor.packaging", "pip._vendor.packaging"):
        try:
            return importlib.import_module(package + ".requirements").Requirement(text)
        except ImportError:
            continue
    raise ImportError("packaging is not installed")


def check_requirement(requirement):
    bare = requirement.split(";")[0]
    name = bare
    for sign in "<>=!~ [":
        name = name.split(sign)[0]
    try:
        version = importlib.metadata.version(name.strip())
    except importlib.metadata.PackageNotFoundError:
        return False
    if bare.strip() == name.strip():
        return True
    return _requirement(requirement).specifier.contains(version, prereleases=True)


def is_module_satisfies(requirements, version=None, version_attr="__version__", **_):
    return check_requirement(requirements)


def get_installer(name):
    try:
        text = importlib.metadata.distribution(name).read_text("INSTALLER")
    except importlib.metadata.PackageNotFoundError:
        return None
    return text.strip() if text else None


def _metadata_folder(name):
    folder = getattr(importlib.metadata.distribution(name), "_path", None)
    if folder is None:
        raise RuntimeError(f"the metadata of {name} are no folder")
    return str(folder)


def copy_metadata(package_name, recursive=False):
    pending, found, seen = [package_name], [], set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        folder = _metadata_folder(name)
        found.append((folder, os.path.basename(folder)))
        if recursive:
            for text in importlib.metadata.requires(name) or ():
                requirement = _requirement(text)
                installed = check_requirement(requirement.name)
                if installed and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                    pending.append(requirement.name)
    return found


def collect_entry_point(name):
    datas, imports = [], []
    for distribution in importlib.metadata.distributions():
        points = [point for point in distribution.entry_points if point.group == name]
        if points:
            folder = str(distribution._path)
            datas.append((folder, os.path.basename(folder)))
            imports += [point.value.split(":")[0].split("[")[0].strip() for point in points]
    return datas, imports


def collect_all(package_name, include_py_files=True, filter_submodules=None, exclude_datas=None, include_datas=None,
                on_error="warn once"):
    datas = collect_data_files(package_name, include_py_files, excludes=exclude_datas, includes=include_datas)
    binaries = collect_dynamic_libs(package_name)
    imports = collect_submodules(package_name, filter_submodules or (lambda name: True))
    for name in (package_name, package_name.replace("_", "-")):
        try:
            datas += copy_metadata(name)
            break
        except importlib.metadata.PackageNotFoundError:
            continue
    return datas, binaries, imports


def _resolve_ctypes(names):
    import ctypes.util
    found = []
    for name in names:
        base = os.path.basename(name)
        stem = base.split(".so")[0]
        path = ctypes.util.find_library(stem[3:] if stem.startswith("lib") else stem)
        if path:
            found.append((base, _system_library(path) or path, "BINARY"))
    return found


def _system_library(name):
    if os.path.isabs(name):
        return name
    cache = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, text=True)
    for line in cache.stdout.splitlines():
        library, _, path = line.partition(" => ")
        if library.split()[:1] == [name] and os.path.exists(path):
            return path
    for folder in ("/lib/" + (sysconfig.get_config_var("MULTIARCH") or ""), "/usr/lib", "/lib64", "/usr/lib64"):
        if os.path.exists(os.path.join(folder, name)):
            return os.path.join(folder, name)
    return None


def _install():
    _module("PyInstaller", __version__="6.16.0", HOMEPATH="", PLATFORM="Linux-64bit-intel")
    compat = dict(
        is_win=sys.platform == "win32", is_cygwin=False, is_linux=sys.platform.startswith("linux"),
        is_darwin=sys.platform == "darwin", is_unix=sys.platform.startswith("linux"), is_musl=False, is_aix=False,
        is_solar=False, is_freebsd=False, is_openbsd=False, is_hpux=False, is_64bits=sys.maxsize > 2**32, is_venv=True,
        is_conda=os.path.isdir(os.path.join(sys.base_prefix, "conda-meta")), is_pure_conda=False, is_nogil=False,
        is_win_10=False, is_win_11=False, is_macos_11_compat=False, is_macos_11=False, is_termux=False,
        base_prefix=sys.base_prefix, python_executable=sys.executable, importlib_metadata=importlib.metadata,
        modname_tkinter="tkinter", EXTENSION_SUFFIXES=importlib.machinery.EXTENSION_SUFFIXES,
        ALL_SUFFIXES=PY_SUFFIXES, PY3_BASE_MODULES=set(), getenv=os.environ.get, getcwd=os.getcwd,
        exec_command=lambda *words, **_: subprocess.run(words, stdout=subprocess.PIPE, text=True).stdout,
        exec_command_stdout=lambda *words, **_: subprocess.run(words, stdout=subprocess.PIPE, text=True).stdout,
    )
    compat.update({f"is_py3{minor}": sys.version_info >= (3, minor) for minor in range(5, 20)})
    _module("PyInstaller.compat", **compat)
    _module("PyInstaller.log", getLogger=logging.getLogger, logger=logger)
    _module("PyInstaller.isolated", call=_call, decorate=_decorate)
    _module("PyInstaller.depend")
    _module("PyInstaller.depend.utils", _resolveCtypesImports=_resolve_ctypes)
    _module("PyInstaller.depend.bindepend", findSystemLibrary=_system_library, resolve_library_path=_system_library,
            findLibrary=_system_library, get_imports=lambda path, search_paths=None: set())
    _module("PyInstaller.building")
    _module("PyInstaller.building.datastruct", Tree=_tree, TOC=list)
    _module("PyInstaller.utils")
    public = {name: value for name, value in globals().items() if not name.startswith("_")}
    hooks = _module("PyInstaller.utils.hooks", **public)
    hooks.isolated = sys.modules["PyInstaller.isolated"]
    hooks.get_homebrew_path = lambda formula="": None
    hooks.get_pyextension_imports = lambda name: []
    hooks.collect_delvewheel_libs_directory = lambda package, libdir_name=None, datas=None, binaries=None: (
        datas or [], binaries or [])
    hooks.include_or_exclude_file = lambda name, include_list=None, exclude_list=None: True
    _module("PyInstaller.utils.hooks.conda", distribution=importlib.metadata.distribution,
            collect_dynamic_libs=lambda name, dest=".", dependencies=True, excludes=None: [])


def _tree(root=None, prefix=None, excludes=None, typecode="DATA"):
    return [(os.path.join(prefix or "", os.path.relpath(path, root)), path, typecode)
            for path in globbing.glob(os.path.join(root, "**"), recursive=True) if os.path.isfile(path)]
