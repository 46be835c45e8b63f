#![allow(clippy::unwrap_used)]
use super::*;
use crate::graph::{Origin, Reason};
use crate::progress::Silent;
use crate::testing::{facts, plan, tree};

/// A folder with an application, a standard library and a site-packages of a few files.
struct Project {
    folder: tempfile::TempDir,
    plan: BuildPlan,
    facts: InterpreterFacts,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        tree(
            root,
            &[
                ("std/os.py", "import sys"),
                ("std/json/__init__.py", "import os"),
                ("site/keep.txt", ""),
            ],
        );
        tree(root, files);
        let mut facts = facts();
        facts.stdlib = root.join("std");
        facts.site_packages = vec![root.join("site")];
        facts.sys_path = vec![root.join("std"), root.join("site")];
        let plan = plan(
            root,
            Entry::Script(root.join("app/app.py")),
            Path::new("/none"),
        );
        Self {
            folder,
            plan,
            facts,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn graph(&self) -> ModuleGraph {
        modules(&self.plan, &self.facts, &Silent).unwrap()
    }

    fn error(&self) -> String {
        let root = format!("{}/", self.folder.path().display());
        modules(&self.plan, &self.facts, &Silent)
            .unwrap_err()
            .to_string()
            .replace(&root, "")
    }
}

/// The modules of `origin`, and who wanted each first.
fn reached(graph: &ModuleGraph, origin: &Origin) -> Vec<String> {
    let modules = graph
        .modules
        .iter()
        .filter(|(_, module)| module.origin == *origin);
    modules
        .map(|(name, module)| format!("{name} < {}", module.wanted_by[0]))
        .collect()
}

#[test]
fn siblings_packages_and_submodules() {
    let project = Project::new(&[
        (
            "app/app.py",
            "import a\nfrom pkg import sub, attribute\nfrom pkg.deep import *\nimport json",
        ),
        ("app/a.py", "from json import loads"),
        ("app/unreached.py", ""),
        ("app/pkg/__init__.py", "attribute = 1"),
        (
            "app/pkg/sub.py",
            "from . import other\nfrom .deep import x\nimport importlib\nimportlib.import_module('.named', __package__)",
        ),
        ("app/pkg/other.py", ""),
        ("app/pkg/named.py", ""),
        ("app/pkg/alone.py", ""),
        ("app/pkg/deep/__init__.py", "__all__ = ['x', 'y', 'z']"),
        ("app/pkg/deep/x.py", ""),
        ("app/pkg/deep/y.py", ""),
    ]);
    let graph = project.graph();
    assert_eq!(
        reached(&graph, &Origin::App),
        [
            "a < __main__:1",
            "pkg < __main__:2",
            "pkg.deep < __main__:3",
            "pkg.deep.x < pkg.sub:2",
            "pkg.deep.y < pkg.deep",
            "pkg.named < pkg.sub:4",
            "pkg.other < pkg.sub:1",
            "pkg.sub < __main__:2",
        ]
    );
    assert!(graph.modules.contains_key("json") && graph.modules.contains_key("sys"));
    assert!(
        graph
            .missing
            .iter()
            .all(|missing| missing.name == "importlib"),
        "{:?}",
        graph.missing
    );
}

#[test]
fn what_is_missing_is_ordered_by_weight() {
    let project = Project::new(&[
        (
            "app/app.py",
            "import gone\nimport lib\ntry:\n    import maybe\nexcept ImportError:\n    pass\nimport json.gone",
        ),
        ("site/lib.py", "import lost\ndef f():\n    import later"),
    ]);
    let graph = project.graph();
    let found: Vec<_> = graph
        .missing
        .iter()
        .map(|m| (m.name.as_str(), m.site.optional, m.origin.clone()))
        .collect();
    assert_eq!(
        found,
        [
            ("gone", false, Origin::App),
            ("json.gone", false, Origin::App),
            ("maybe", true, Origin::App),
            ("lost", false, Origin::ThirdParty),
            ("later", true, Origin::ThirdParty),
        ]
    );
}

#[test]
fn distributions_with_what_they_require_and_import() {
    let project = Project::new(&[
        ("app/app.py", "import web"),
        ("site/web/__init__.py", ""),
        (
            "site/web/plugin.py",
            "try:\n    import driver\nexcept ImportError:\n    pass\nimport IPython",
        ),
        ("site/web/tests/test_a.py", "import checker"),
        (
            "site/web-1.dist-info/METADATA",
            "Name: Web\nVersion: 1\nRequires-Dist: mark_up[fast]\nRequires-Dist: win; sys_platform == 'win32'\nRequires-Dist: absent\n",
        ),
        (
            "site/web-1.dist-info/RECORD",
            "web/__init__.py,,\nweb/plugin.py,,\nweb/tests/test_a.py,,\n",
        ),
        ("site/markup.py", ""),
        (
            "site/mark_up-2.dist-info/METADATA",
            "Name: mark-up\nVersion: 2\nRequires-Dist: speed; extra == 'fast'\nRequires-Dist: slow; extra == 'slow'\n",
        ),
        ("site/mark_up-2.dist-info/RECORD", "markup.py,,\n"),
        (
            "site/speed-1.dist-info/METADATA",
            "Name: speed\nVersion: 1\n",
        ),
        ("site/speed-1.dist-info/RECORD", "speed.py,,\n"),
        ("site/slow-1.dist-info/METADATA", "Name: slow\nVersion: 1\n"),
        ("site/slow-1.dist-info/RECORD", "slow.py,,\n"),
        ("site/driver/__init__.py", ""),
        ("site/checker.py", ""),
        ("site/IPython/__init__.py", ""),
        (
            "site/ipython-9.dist-info/METADATA",
            "Name: ipython\nVersion: 9\n",
        ),
        ("site/ipython-9.dist-info/RECORD", "IPython/__init__.py,,\n"),
    ]);
    let graph = project.graph();
    let found: Vec<_> = graph
        .distributions
        .iter()
        .map(|taken| format!("{} < {}", taken.distribution.label(), taken.reason))
        .collect();
    assert_eq!(
        found,
        [
            "driver < imported by web.plugin:2",
            "mark-up 2 < required by web",
            "speed 1 < required by mark-up",
            "web 1 < imported by __main__:1",
        ]
    );
    assert_eq!(reached(&graph, &Origin::ThirdParty), ["web < __main__:1"]);
    assert!(
        graph.warnings.len() == 1 && graph.warnings[0].contains("requires `absent`"),
        "{:?}",
        graph.warnings
    );
    assert!(matches!(graph.distributions[0].reason, Reason::Import(_)));
}

#[test]
fn namespace_packages_of_several_distributions() {
    let project = Project::new(&[
        ("app/app.py", "from space import one\nimport space.two.deep"),
        ("site/space/one.py", ""),
        ("site/space/two/__init__.py", ""),
        ("site/space/two/deep.py", ""),
        ("site/space/three.py", ""),
        ("site/one-1.dist-info/METADATA", "Name: one\nVersion: 1\n"),
        ("site/one-1.dist-info/RECORD", "space/one.py,,\n"),
        ("site/two-1.dist-info/METADATA", "Name: two\nVersion: 1\n"),
        (
            "site/two-1.dist-info/RECORD",
            "space/two/__init__.py,,\nspace/two/deep.py,,\n",
        ),
        (
            "site/three-1.dist-info/METADATA",
            "Name: three\nVersion: 1\n",
        ),
        ("site/three-1.dist-info/RECORD", "space/three.py,,\n"),
    ]);
    let names: Vec<_> = project
        .graph()
        .distributions
        .iter()
        .map(|taken| taken.distribution.name.clone())
        .collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn a_package_entry_goes_in_whole() {
    let mut project = Project::new(&[
        ("site_/x", ""),
        ("src/book/__init__.py", ""),
        ("src/book/wsgi.py", "from . import views"),
        ("src/book/views.py", ""),
        ("src/book/plugins/late.py", ""),
        ("src/book/plugins/__init__.py", ""),
        ("src/book/template.py", "{{ not python }} =\n"),
        ("src/book/tests/__init__.py", "import pytest"),
    ]);
    project.plan.entry = Entry::Function {
        module: "book.wsgi".into(),
        function: "main".into(),
    };
    let graph = project.graph();
    let names: Vec<_> = reached(&graph, &Origin::App);
    assert_eq!(
        names,
        [
            "book < the entry point",
            "book.plugins < the whole package",
            "book.plugins.late < the whole package",
            "book.views < the whole package",
            "book.wsgi < the entry point",
        ]
    );
    assert!(
        graph.warnings[0].contains("template.py"),
        "{:?}",
        graph.warnings
    );
    project.plan.entry = Entry::Module("book".into());
    assert_eq!(
        project.error(),
        "`book` is a package without a `__main__` module and cannot be run; name one of its modules"
    );
}

#[test]
fn settings() {
    let mut project = Project::new(&[
        ("app/app.py", "import left.out"),
        ("app/left/out.py", "import lost"),
        ("app/hidden.py", ""),
        ("app/pack/__init__.py", ""),
        ("app/pack/a/b.py", ""),
        ("app/pack/a/__init__.py", ""),
        ("site/extra.py", ""),
    ]);
    project.plan.include.modules = vec!["hidden".into()];
    project.plan.include.submodules = vec!["pack".into()];
    project.plan.include.distributions = vec!["extra".into()];
    project.plan.exclude.modules = vec!["left".into()];
    let graph = project.graph();
    assert_eq!(
        reached(&graph, &Origin::App),
        [
            "hidden < --hidden-import",
            "pack < --collect-submodules",
            "pack.a < --collect-submodules",
            "pack.a.b < --collect-submodules",
        ]
    );
    assert_eq!(graph.distributions[0].distribution.name, "extra");
    assert_eq!(
        graph.distributions[0].reason.to_string(),
        "[include] distributions"
    );
    assert!(graph.missing.is_empty());
}

#[test]
fn errors_name_the_place() {
    let mut project = Project::new(&[
        ("app/app.py", "import bad"),
        ("app/bad.py", "x = 1\nif x\n    y\n"),
    ]);
    let message = project.error();
    assert!(
        message.starts_with("app/bad.py:2:5: syntax error: "),
        "{message}"
    );
    project.plan.entry = Entry::Script(project.path("app/none.py"));
    assert_eq!(project.error(), "there is no script `app/none.py`");
    project.plan.entry = Entry::Script(project.path("std/os.py"));
    project.plan.entry = Entry::Module("none".into());
    let message = project.error();
    assert!(
        message.starts_with("there is no module `none`, which the entry point names (looked in: "),
        "{message}"
    );
}

/// As PyInstaller has it: build scripts name modules of versions that came and went.
#[test]
fn settings_that_name_nothing_are_told_and_end_nothing() {
    let mut project = Project::new(&[("app/app.py", ""), ("app/lone.py", "")]);
    project.plan.include.modules = vec!["none".into()];
    project.plan.include.submodules = vec!["neither".into()];
    project.plan.include.distributions = vec!["nothing".into(), "lone".into()];
    let graph = project.graph();
    assert!(graph.modules.contains_key("lone"));
    let starts = [
        "there is no module `none`, which --hidden-import names (looked in: ",
        "there is no module `neither`, which --collect-submodules names (looked in: ",
        "there is no distribution or package `nothing`, which --collect-all or its like names, in the environment",
        "`lone` is a module, which goes in; data files belong to packages",
    ];
    assert_eq!(graph.warnings.len(), starts.len(), "{:?}", graph.warnings);
    for (warning, start) in graph.warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

#[test]
fn a_package_of_the_standard_library_or_a_namespace_that_a_setting_names_goes_in_whole() {
    let mut project = Project::new(&[
        ("app/app.py", ""),
        ("std/sqlite3/__init__.py", ""),
        ("std/sqlite3/dump.py", ""),
        ("site/spaces/one/__init__.py", ""),
        ("site/spaces/two/__init__.py", ""),
        ("site/one-1.dist-info/METADATA", "Name: one\nVersion: 1\n"),
        ("site/one-1.dist-info/RECORD", "spaces/one/__init__.py,,\n"),
        ("site/two-1.dist-info/METADATA", "Name: two\nVersion: 1\n"),
        ("site/two-1.dist-info/RECORD", "spaces/two/__init__.py,,\n"),
    ]);
    project.plan.include.distributions = vec!["sqlite3".into(), "spaces".into()];
    let graph = project.graph();
    assert!(graph.modules.contains_key("sqlite3.dump"));
    let names = graph.distributions.iter();
    let names: Vec<_> = names.map(|taken| &taken.distribution.name).collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn a_third_party_file_may_hold_anything() {
    let project = Project::new(&[
        ("app/app.py", "import lib"),
        ("site/lib.py", "import os\nprint 'two'\nimport more"),
        ("site/more.py", ""),
    ]);
    assert_eq!(
        reached(&project.graph(), &Origin::ThirdParty),
        ["lib < __main__:1", "more < lib:3"]
    );
}

#[test]
fn a_file_that_cannot_be_imported_asks_for_nothing() {
    let project = Project::new(&[
        ("app/app.py", "import lib"),
        (
            "site/lib/__init__.py",
            "try:\n    from . import contrib\nexcept ImportError:\n    pass",
        ),
        ("site/lib/contrib.py", "import heavy\nimport not_installed"),
        (
            "site/lib/other.py",
            "import light\ndef f():\n    import not_installed",
        ),
        ("site/lib-1.dist-info/METADATA", "Name: lib\nVersion: 1\n"),
        (
            "site/lib-1.dist-info/RECORD",
            "lib/__init__.py,,\nlib/contrib.py,,\nlib/other.py,,\n",
        ),
        ("site/heavy.py", ""),
        ("site/light.py", ""),
    ]);
    let names: Vec<_> = project
        .graph()
        .distributions
        .iter()
        .map(|taken| taken.distribution.name.clone())
        .collect();
    assert_eq!(names, ["lib", "light"]);
}

/// `name reason` of each distribution of which the metadata alone is taken.
fn metadata(graph: &ModuleGraph) -> Vec<String> {
    let taken = graph.metadata.iter();
    taken
        .map(|taken| format!("{} < {}", taken.distribution.name, taken.reason))
        .collect()
}

#[test]
fn metadata_that_code_reads() {
    let mut project = Project::new(&[
        (
            "app/app.py",
            "import mine, lib, pkg_resources\npkg_resources.require('chain')\n",
        ),
        (
            "app/mine/__init__.py",
            "from importlib.metadata import version\n__version__ = version('My_App')\nversion('lib')\n\
             version('absent')\ntry:\n    version('perhaps')\nexcept ImportError:\n    pass\n",
        ),
        (
            "site/lib.py",
            "import importlib.metadata as m\nm.version('probed')\nm.version('pytest')\nm.version('left')\nm.version('no')",
        ),
        ("site/lib-1.dist-info/METADATA", "Name: lib\nVersion: 1\n"),
        ("site/lib-1.dist-info/RECORD", "lib.py,,\n"),
        ("site/mine/__init__.py", ""),
        (
            "site/my_app-3.dist-info/METADATA",
            "Name: my-app\nVersion: 3\nRequires-Dist: lib\n",
        ),
        ("site/my_app-3.dist-info/RECORD", "mine/__init__.py,,\n"),
        (
            "site/chain-1.dist-info/METADATA",
            "Name: chain\nVersion: 1\nRequires-Dist: link\n",
        ),
        ("site/link-1.dist-info/METADATA", "Name: link\nVersion: 1\n"),
        (
            "site/probed-1.dist-info/METADATA",
            "Name: probed\nVersion: 1\n",
        ),
        (
            "site/pytest-1.dist-info/METADATA",
            "Name: pytest\nVersion: 1\n",
        ),
        ("site/left.py", ""),
        ("site/left-1.dist-info/METADATA", "Name: left\nVersion: 1\n"),
        ("site/left-1.dist-info/RECORD", "left.py,,\n"),
    ]);
    project.plan.exclude.modules = vec!["left".into()];
    let graph = project.graph();
    assert_eq!(taken(&graph), ["lib < imported by __main__:1"]);
    assert_eq!(
        metadata(&graph),
        [
            "chain < metadata, read by __main__:2",
            "link < required by chain",
            "my-app < metadata, read by mine:2",
            "probed < metadata, read by lib:2",
        ]
    );
    assert_eq!(
        graph.warnings,
        [
            "`mine:4` reads the metadata of `absent`, which is not installed (`pip install absent`, if it is needed)"
        ]
    );
    project.plan.exclude.distributions = vec!["my-app".into(), "chain".into()];
    assert_eq!(
        metadata(&project.graph()),
        ["probed < metadata, read by lib:2"]
    );
}

/// A host that reads a group of entry points by `reads`, and what plugs into it.
fn host_and_plugins(reads: &str) -> Project {
    Project::new(&[
        ("app/app.py", "import host"),
        ("site/host.py", reads),
        ("site/host-1.dist-info/METADATA", "Name: host\nVersion: 1\n"),
        ("site/host-1.dist-info/RECORD", "host.py,,\n"),
        ("site/plugin.py", ""),
        (
            "site/plugin-1.dist-info/METADATA",
            "Name: plugin\nVersion: 1\nRequires-Dist: helper\n",
        ),
        ("site/plugin-1.dist-info/RECORD", "plugin.py,,\n"),
        (
            "site/plugin-1.dist-info/entry_points.txt",
            "[console_scripts]\nplug = plugin:main\n\n[host.parts]\na = plugin\n",
        ),
        ("site/helper.py", ""),
        (
            "site/helper-1.dist-info/METADATA",
            "Name: helper\nVersion: 1\n",
        ),
        ("site/helper-1.dist-info/RECORD", "helper.py,,\n"),
    ])
}

/// Name and reason of each distribution.
fn taken(graph: &ModuleGraph) -> Vec<String> {
    let taken = graph.distributions.iter();
    taken
        .map(|taken| format!("{} < {}", taken.distribution.name, taken.reason))
        .collect()
}

#[test]
fn what_plugs_into_a_bundled_module_comes_with_what_it_requires() {
    let project = host_and_plugins("from x import entry_points\nentry_points(group='host.parts')");
    assert_eq!(
        taken(&project.graph()),
        [
            "helper < required by plugin",
            "host < imported by __main__:1",
            "plugin < plug-in of host: entry points `host.parts`",
        ]
    );
}

#[test]
fn a_script_or_a_group_that_nobody_reads_makes_no_plug_in() {
    for reads in [
        "entry_points(group='host.others')",
        "entry_points(group='console_scripts')",
        "x = 'host.parts'",
    ] {
        let project = host_and_plugins(reads);
        assert_eq!(
            taken(&project.graph()),
            ["host < imported by __main__:1"],
            "{reads}"
        );
    }
}

#[test]
fn a_plug_in_that_is_excluded_stays_out() {
    let mut project = host_and_plugins("entry_points(group='host.parts')");
    project.plan.exclude.distributions = vec!["plugin".to_owned()];
    assert_eq!(taken(&project.graph()), ["host < imported by __main__:1"]);
}

#[test]
fn time_zones_come_with_the_module_that_looks_for_them() {
    let mut project = Project::new(&[
        ("app/app.py", "import zoneinfo"),
        ("std/zoneinfo/__init__.py", ""),
        ("site/tzdata/__init__.py", ""),
        (
            "site/tzdata-1.dist-info/METADATA",
            "Name: tzdata\nVersion: 1\n",
        ),
        ("site/tzdata-1.dist-info/RECORD", "tzdata/__init__.py,,\n"),
    ]);
    project.facts.stdlib_modules.push("zoneinfo".to_owned());
    assert_eq!(taken(&project.graph()), ["tzdata < looked for by zoneinfo"]);
}

#[test]
fn modules_of_which_only_the_beginning_is_written() {
    let project = Project::new(&[
        (
            "app/app.py",
            "from importlib import import_module\nimport lib, pkg\nimport_module(f'pkg.parts.{x}')\nimport_module('view_%s' % x)",
        ),
        ("app/view_a.py", ""),
        ("app/view_b.py", ""),
        ("app/other.py", ""),
        (
            "app/pkg/__init__.py",
            "import importlib\nimportlib.import_module('.on_' + x, __package__)",
        ),
        ("app/pkg/on_x.py", ""),
        ("app/pkg/off_x.py", ""),
        ("app/pkg/parts/__init__.py", ""),
        ("app/pkg/parts/one.py", "import other"),
        ("app/pkg/parts/tests.py", ""),
        (
            "site/lib.py",
            "from importlib.util import find_spec as _find_spec\n_find_spec('words_{}'.format(x))",
        ),
        ("site/words_small/__init__.py", ""),
        ("site/word.py", ""),
    ]);
    let graph = project.graph();
    assert_eq!(
        reached(&graph, &Origin::App),
        [
            "other < pkg.parts.one:1",
            "pkg < __main__:2",
            "pkg.on_x < pkg:2",
            "pkg.parts < __main__:3",
            "pkg.parts.one < __main__:3",
            "view_a < __main__:4",
            "view_b < __main__:4",
        ]
    );
    assert_eq!(
        taken(&graph),
        [
            "lib < imported by __main__:2",
            "words_small < imported by lib:2"
        ]
    );
}

#[test]
fn requirements_of_extras_come_where_the_code_names_them() {
    let site = |name: &str, code: &str, metadata: &str| {
        [
            (format!("site/{name}.py"), code.to_owned()),
            (
                format!("site/{name}-1.dist-info/METADATA"),
                format!("Name: {name}\nVersion: 1\n{metadata}"),
            ),
            (
                format!("site/{name}-1.dist-info/RECORD"),
                format!("{name}.py,,\n"),
            ),
        ]
    };
    let requires = "Requires-Dist: frames; extra == 'all'\nRequires-Dist: silent; extra == 'all'\n\
        Requires-Dist: pytest; extra == 'test'\n";
    let files: Vec<(String, String)> = [
        site(
            "host",
            "get_module('frames.core')\nx = 'pytest'\n# silent",
            requires,
        ),
        site("frames", "", "Requires-Dist: deep\n"),
        site("deep", "", ""),
        site("silent", "", ""),
        site("pytest", "", ""),
    ]
    .concat();
    let mut files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    files.push(("app/app.py", "import host"));
    assert_eq!(
        taken(&Project::new(&files).graph()),
        [
            "deep < required by frames",
            "frames < optional requirement of host, which names it",
            "host < imported by __main__:1",
        ]
    );
}

#[test]
fn texts_of_the_application_that_name_its_modules() {
    let project = Project::new(&[
        (
            "app/app.py",
            "include('pkg.urls')\nrun('other:main')\nx = 'word', 'json.decoder', 'lib.part'",
        ),
        ("app/pkg/__init__.py", ""),
        ("app/pkg/urls.py", ""),
        ("app/pkg/alone.py", ""),
        ("app/other.py", ""),
        ("app/word.py", ""),
        ("site/lib/__init__.py", ""),
        ("site/lib/part.py", ""),
    ]);
    let graph = project.graph();
    assert_eq!(
        reached(&graph, &Origin::App),
        [
            "other < __main__:2",
            "pkg < __main__:1",
            "pkg.urls < __main__:1"
        ]
    );
    assert!(graph.distributions.is_empty());
}

#[test]
fn applications_that_settings_of_django_install() {
    let project = Project::new(&[
        ("app/app.py", "configure('web.settings')"),
        ("app/web/__init__.py", ""),
        (
            "app/web/settings.py",
            "INSTALLED_APPS = ['polls.apps.Polls', 'lib']\nMIDDLEWARE = ['more.ware.Ware', 'shop.ware']",
        ),
        ("app/polls/__init__.py", ""),
        ("app/polls/apps.py", ""),
        ("app/polls/models.py", ""),
        ("app/polls/tests.py", ""),
        ("app/polls/migrations/0001_initial.py", ""),
        ("app/polls/management/commands/count.py", ""),
        ("app/polls/templates/a.html", ""),
        ("app/shop/ware.py", ""),
        ("app/shop/alone.py", ""),
        ("site/lib/__init__.py", ""),
        ("site/more/__init__.py", ""),
        ("site/more/ware.py", ""),
    ]);
    let graph = project.graph();
    let names: Vec<String> = reached(&graph, &Origin::App)
        .iter()
        .filter_map(|line| Some(line.split_once(" < ")?.0.to_owned()))
        .collect();
    assert_eq!(
        names,
        [
            "polls",
            "polls.apps",
            "polls.management",
            "polls.management.commands",
            "polls.management.commands.count",
            "polls.migrations",
            "polls.migrations.0001_initial",
            "polls.models",
            "shop",
            "shop.ware",
            "web",
            "web.settings",
        ]
    );
    assert_eq!(
        taken(&graph),
        [
            "lib < imported by web.settings:1",
            "more < imported by web.settings:2"
        ]
    );
    let templates = graph.data.iter().find(|hint| hint.path == "templates");
    let (file, line) = templates.unwrap().site();
    assert!(file.ends_with("web/settings.py") && line == 1);
}

/// Python 3.12 has no `distutils` of its own; setuptools answers for that name.
#[test]
fn distutils_is_that_of_setuptools() {
    let files = [
        (
            "app/app.py",
            "from distutils.version import LooseVersion\nimport pyi_splash",
        ),
        ("site/setuptools/__init__.py", ""),
        ("site/setuptools/_distutils/__init__.py", ""),
        ("site/setuptools/_distutils/version.py", ""),
    ];
    let graph = Project::new(&files).graph();
    assert!(graph.modules.contains_key("setuptools._distutils.version"));
    assert!(graph.missing.is_empty(), "{:?}", graph.missing);

    let own = [
        ("std/distutils/__init__.py", ""),
        ("std/distutils/version.py", ""),
    ];
    let graph = Project::new(&[&files[..], &own].concat()).graph();
    assert!(graph.modules.contains_key("distutils.version"));
    assert!(!graph.modules.contains_key("setuptools"));
}
