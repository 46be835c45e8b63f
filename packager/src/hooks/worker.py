# Runs in the target interpreter, behind stand_in.py: finds hooks and runs those of the modules it is given. One request on
# stdin, one answer behind a marker, both JSON.
import json
import traceback

MARKER = "@pack-hooks@"

# Kinds of hooks that run before a module is looked for, each in a folder of its own.
BEFORE = ("pre_find_module_path", "pre_safe_import_module")


class Api:
    """What `hook(hook_api)` is given."""

    def __init__(self, name):
        spec = _spec(name)
        self.__name__ = name
        self.__file__ = spec.origin if spec else None
        self.__path__ = tuple(spec.submodule_search_locations or ()) if spec else ()
        self.analysis = self.module_graph = self.module = self.co = None
        self.imports, self.datas, self.binaries, self.deleted = [], [], [], []

    def add_imports(self, *names):
        self.imports += names

    def del_imports(self, *names):
        self.deleted += names

    def add_datas(self, datas):
        self.datas += _pairs(datas)

    def add_binaries(self, binaries):
        self.binaries += _pairs(binaries)

    def set_module_collection_mode(self, name, mode):
        # Bytecode and source of every module are there, whatever a hook asks for.
        pass

    def append_package_path(self, folder):
        # A module's `__path__` is what it makes of it when it is imported.
        pass


class BeforeFind:
    """What `pre_find_module_path(api)` is given."""

    def __init__(self, name):
        self.module_name = name
        self.module_graph = None
        parent = name.rpartition(".")[0]
        spec = _spec(parent) if parent else None
        self.search_dirs = list(spec.submodule_search_locations or ()) if spec else ([] if parent else list(sys.path))


class BeforeImport:
    """What `pre_safe_import_module(api)` is given."""

    def __init__(self, name):
        self.module_name = name
        self.module_basename = name.rpartition(".")[2]
        self.parent_package = None
        self.module_graph = self
        self.package_path, self.made, self.aliases = [], [], []

    def add_runtime_module(self, module_name):
        self.made.append(module_name)

    add_runtime_package = add_runtime_module

    def add_alias_module(self, real_module_name, alias_module_name):
        self.aliases.append([alias_module_name, real_module_name])

    alias_module = add_alias_module

    def append_package_path(self, directory):
        self.package_path.append(os.path.abspath(directory))


def _pairs(items):
    # `(source, folder)`, and TOC entries `(place, source, kind)`.
    found = []
    for item in items or ():
        if len(item) == 3:
            found.append([os.path.abspath(item[1]), os.path.dirname(item[0]) or "."])
        else:
            found.append([os.path.abspath(item[0]), item[1] or "."])
    return found


def _entry_folders(distributions, problems):
    folders = []
    for name in distributions:
        for point in importlib.metadata.distribution(name).entry_points:
            if point.group == "pyinstaller40" and point.name == "hook-dirs":
                try:
                    folders += [str(folder) for folder in point.load()()]
                except Exception as error:
                    problems.append(f"the PyInstaller hooks of {name} cannot be found: {error}")
    return folders


def _hooks_in(folders):
    # PyInstaller's order: those that are named first come first; contributed ones lie in `stdhooks`.
    found = {}
    for folder in folders:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if name.startswith("hook-") and name.endswith(".py"):
                found.setdefault(name[5:-3], os.path.join(folder, name))
    return found


def _runtime_hooks(folders, problems):
    found = {}
    for folder in folders:
        table = os.path.join(folder, "rthooks.dat")
        if not os.path.isfile(table):
            continue
        try:
            with open(table, encoding="utf-8") as file:
                named = eval(compile(file.read(), table, "eval"), {"__builtins__": {}})
            for module, names in named.items():
                found.setdefault(module, []).extend(os.path.join(folder, "rthooks", name) for name in names)
        except Exception as error:
            problems.append(f"{table} cannot be read: {error}")
    return found


def _scope(module, path):
    scope = {"__name__": "hook_" + module.replace(".", "_"), "__file__": path}
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    exec(code, scope)
    return scope


def _run_before(module, path, kind):
    scope = _scope(module, path)
    api = (BeforeFind if kind == "pre_find_module_path" else BeforeImport)(module)
    if kind == "pre_find_module_path":
        before = list(api.search_dirs)
        scope[kind](api)
        return {} if list(api.search_dirs) == before else {"search": [os.path.abspath(item) for item in api.search_dirs]}
    scope[kind](api)
    return {"package_path": api.package_path, "made": api.made, "aliases": api.aliases}


def _run(module, path):
    scope = _scope(module, path)
    api = Api(module)
    if callable(scope.get("hook")):
        scope["hook"](api)
    return {
        "imports": [str(name) for name in list(scope.get("hiddenimports") or ()) + api.imports],
        "excluded": [str(name) for name in list(scope.get("excludedimports") or ()) + api.deleted],
        "quiet": scope.get("warn_on_missing_hiddenimports") is False,
        "data": _pairs(scope.get("datas")) + api.datas,
        "binaries": _pairs(scope.get("binaries")) + api.binaries,
    }


def main():
    _install()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    request = json.load(sys.stdin)
    # Last: a module of the application that is called as one of the standard library's is not meant by hooks.
    sys.path += request["paths"]
    problems = []
    folders = request["folders"] + _entry_folders(request["distributions"], problems)
    hooks = _hooks_in(folders)
    kinds = {kind: _hooks_in([os.path.join(folder, kind) for folder in folders]) for kind in BEFORE}
    runtime = _runtime_hooks(folders, problems)
    results = []

    def attempt(function, *arguments):
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:
            path = arguments[1]
            last = traceback.extract_tb(error.__traceback__)[-1:]
            where = f", line {last[0].lineno} of {os.path.basename(last[0].filename)}" if last else ""
            problems.append(f"the PyInstaller hook {path} failed{where}: {type(error).__name__}: {error}")
            return {}

    for module in request["modules"] + request["missing"]:
        result = {"module": module, "files": []}
        # What is not there has no hook of its own.
        if module in request["modules"] and (module in hooks or module in runtime):
            result["runtime"] = runtime.get(module, [])
            if module in hooks:
                result["files"].append(hooks[module])
                result.update(attempt(_run, module, hooks[module]))
        for kind in BEFORE:
            path = kinds[kind].get(module)
            if path:
                result["files"].append(path)
                result.setdefault("before", {}).update(attempt(_run_before, module, path, kind))
        if len(result) > 2 or result["files"]:
            results.append(result)
    sys.stdout.write("\n" + MARKER + json.dumps({"results": results, "problems": problems}) + "\n")
    sys.stdout.flush()


main()
