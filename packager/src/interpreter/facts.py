# Asked once per build: prints what `pack` needs to know about this interpreter as one JSON line behind a marker, because
# `.pth` files and sitecustomize may print too. Runs on any Python from 2.7 on, so that an old one can say that it is old.
import sys


def site_packages():
    import site
    found = list(site.getsitepackages()) if hasattr(site, "getsitepackages") else []
    if getattr(site, "ENABLE_USER_SITE", False):
        found.append(site.getusersitepackages())
    tails = ("site-packages", "dist-packages")
    found += [entry for entry in sys.path if entry.rstrip("/\\").endswith(tails)]
    return found


def stdlib_modules(stdlib, dynload):
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return sorted(names)
    import os
    found = set(sys.builtin_module_names)
    for folder in (stdlib, dynload):
        for name in os.listdir(folder) if folder and os.path.isdir(folder) else ():
            stem = name.split(".")[0]
            if stem.isidentifier() and stem not in ("__pycache__", "test"):
                if name.endswith((".py", ".so")) or os.path.isdir(os.path.join(folder, name)):
                    found.add(stem)
    return sorted(found)


def editable_modules():
    # setuptools' finder kind of an editable install: a meta path finder whose module maps names to folders.
    found = {}
    for finder in sys.meta_path:
        module = sys.modules.get(getattr(finder, "__module__", None) or "")
        mapping = getattr(module, "MAPPING", None)
        if isinstance(mapping, dict) and "__editable__" in getattr(module, "__name__", ""):
            found.update((str(name), str(path)) for name, path in mapping.items())
    return found


def markers():
    import os
    import platform
    version = sys.implementation.version
    text = "%d.%d.%d" % (version.major, version.minor, version.micro)
    if version.releaselevel != "final":
        text += version.releaselevel[0] + str(version.serial)
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": text,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def looked_at(path):
    # What `site` and this script have read: modules, `.pth` files, the folders that are in the path or would be, if
    # they were there, and the settings of virtual environments.
    import os
    import site
    folders = list(path)
    for name in ("getsitepackages", "getusersitepackages"):
        found = getattr(site, name)() if hasattr(site, name) else []
        folders += [found] if isinstance(found, str) else found
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    for folder in folders:
        names = os.listdir(folder) if os.path.isdir(folder) else ()
        files += [os.path.join(folder, name) for name in names if name.endswith(".pth")]
    own = os.path.dirname(os.path.abspath(sys.executable))
    files += [os.path.join(folder, "pyvenv.cfg") for folder in (own, os.path.dirname(own))]
    found = {entry for entry in folders + files if isinstance(entry, str) and os.path.isabs(entry)}
    return sorted(found)


def facts():
    import importlib.machinery
    import importlib.util
    import os
    import sysconfig
    variable = sysconfig.get_config_var
    path = [entry for entry in sys.path if entry]
    stdlib = os.path.dirname(os.path.abspath(os.__file__))
    dynload = [entry for entry in path if os.path.basename(entry.rstrip("/\\")) == "lib-dynload"]
    sites = {os.path.normpath(entry) for entry in site_packages()}
    base = getattr(sys, "_base_executable", None) or sys.executable
    return {
        "executable": os.path.abspath(sys.executable),
        "base_executable": os.path.realpath(base),
        "implementation": sys.implementation.name,
        "version": list(sys.version_info[:3]),
        "version_text": sys.version,
        "cache_tag": sys.implementation.cache_tag or "",
        "soabi": variable("SOABI") or "",
        "extension_suffixes": importlib.machinery.EXTENSION_SUFFIXES,
        "magic_number": importlib.util.MAGIC_NUMBER.hex(),
        "free_threaded": bool(variable("Py_GIL_DISABLED")),
        "stdlib": stdlib,
        "dynload": dynload[0] if dynload else None,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "sys_path": path,
        "site_packages": [entry for entry in path if os.path.normpath(entry) in sites and os.path.isdir(entry)],
        "builtin_modules": sorted(sys.builtin_module_names),
        "stdlib_modules": stdlib_modules(stdlib, dynload[0] if dynload else None),
        "markers": markers(),
        "multiarch": variable("MULTIARCH") or "",
        "editable": editable_modules(),
        "library_name": variable("INSTSONAME") or "",
        "looked_at": looked_at(path),
        "library_folders": [entry for entry in (variable("LIBDIR"), variable("LIBPL")) if entry],
    }


def answer():
    version = list(sys.version_info[:3])
    if version[0] < 3 or version < [3, 9, 0]:
        return {"version": version}
    return facts()


if __name__ == "__main__":
    import json
    sys.stdout.write("\n@pack-facts@" + json.dumps(answer()) + "\n")
    sys.stdout.flush()
