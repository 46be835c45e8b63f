#![allow(clippy::unwrap_used)]
use super::manifest::Rights;
use super::resource::{Rule, Tongue};
use super::version::Facts;
use super::*;
use crate::icon::{groups, parse_ico, tests::ico};
use crate::pe::{Headers, checksum, tests::executable};

const VERSION_FILE: &str = r"
# UTF-8
#
# For more details about fixed file info see the documentation.
VSVersionInfo(
  ffi=FixedFileInfo(
    # filevers and prodvers should be always a tuple with four items: (1, 2, 3, 4)
    filevers=(1, 2, 3, 4),
    prodvers=(5, 6, 7, 65535),
    mask=0x3f, flags=0x2, OS=0x40004, fileType=0x1, subtype=0x0, date=(0, 0)
    ),
  kids=[
    StringFileInfo(
      [
      StringTable(
        '040904B0',
        [StringStruct('CompanyName', 'Bäcker & Co'),
        StringStruct('FileDescription', u'Guest' 'book'),
        StringStruct('Empty', ''),
        StringStruct('ProductName', '\U0001f4d6 Guestbook')])
      ]),
    VarFileInfo([VarStruct('Translation', [1033, 1200])])
  ]
)
";

fn facts() -> Facts<'static> {
    Facts {
        name: "guestbook",
        version: Some("1.4.0"),
        title: Some("Guestbook"),
        company: Some("Example"),
        ..Facts::default()
    }
}

#[test]
fn version_information_comes_back_as_it_was() {
    let info = VersionInfo::of(&facts());
    let bytes = info.encode().unwrap();
    assert_eq!(VersionInfo::decode(&bytes), Some(info.clone()));
    assert_eq!(info.fixed.file_version, [1, 4, 0, 0]);
    assert_eq!(info.fixed.flags, 0);
    assert_eq!(info.text("FileDescription"), Some("Guestbook"));
    assert_eq!(info.text("OriginalFilename"), Some("guestbook.exe"));
    assert_eq!(info.text("LegalCopyright"), None);
    let early = VersionInfo::of(&Facts {
        version: Some("2.0b1"),
        ..facts()
    });
    assert_eq!(
        (early.fixed.product_version, early.fixed.flags),
        ([2, 0, 0, 0], 2)
    );
    assert_eq!(early.text("ProductVersion"), Some("2.0b1"));
    for length in 0..bytes.len() {
        let _ = VersionInfo::decode(&bytes[..length]);
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let _ = VersionInfo::decode(&damaged);
        }
    }
}

#[test]
fn a_version_file_is_read_without_being_run() {
    let info = parse_version_file(VERSION_FILE).unwrap();
    assert_eq!(info.fixed.file_version, [1, 2, 3, 4]);
    assert_eq!(info.fixed.product_version, [5, 6, 7, 65535]);
    assert_eq!(
        (info.fixed.mask, info.fixed.flags, info.fixed.system),
        (0x3f, 2, 0x40004)
    );
    assert_eq!(info.text("CompanyName"), Some("Bäcker & Co"));
    assert_eq!(info.text("FileDescription"), Some("Guestbook"));
    assert_eq!(info.text("ProductName"), Some("📖 Guestbook"));
    assert_eq!(
        info.variables,
        [("Translation".to_owned(), vec![1033, 1200])]
    );
    assert_eq!(VersionInfo::decode(&info.encode().unwrap()), Some(info));
    let error = |text: &str| {
        let (line, why) = parse_version_file(text).unwrap_err();
        format!("{line}: {why}")
    };
    insta::assert_snapshot!(error("__import__('os').system('true')"), @"1: VSVersionInfo(…) is expected here");
    insta::assert_snapshot!(error("VSVersionInfo(\n  kids=[open('x')])"), @"2: StringFileInfo(…) or VarFileInfo(…) is expected here");
    insta::assert_snapshot!(error("VSVersionInfo(\n ffi=FixedFileInfo(\n  filevers=(1, 2, 3)))"), @"3: four numbers is expected here");
    insta::assert_snapshot!(error("VSVersionInfo(ffi=FixedFileInfo(filevers=(1, 2, 3, 65536)))"), @"1: a whole number from 0 to 65535 is expected here");
    insta::assert_snapshot!(error("VSVersionInfo(ffi=FixedFileInfo(flag=3))"), @"1: FixedFileInfo has no `flag`; it has filevers, prodvers, mask, flags, OS, fileType, subtype, date");
    insta::assert_snapshot!(error("VSVersionInfo(kids=[StringFileInfo([StringTable('x', [StringStruct('a', 1)])])])"), @"1: a text in quotes is expected here");
    insta::assert_snapshot!(error("VSVersionInfo(kids=[StringFileInfo()])"), @"1: `kids` is missing");
    assert!(parse_version_file("VSVersionInfo(").is_err());
    assert!(parse_version_file("").is_err());
    for nested in ["(", "[", "-", "VSVersionInfo(kids=["] {
        assert!(parse_version_file(&nested.repeat(40_000)).is_err());
    }
    let long = format!(
        "VSVersionInfo(kids=[StringFileInfo([StringTable('x', [StringStruct('a', '{}')])])])",
        "b".repeat(40_000)
    );
    let error = parse_version_file(&long).unwrap().encode().unwrap_err();
    assert!(
        error.to_string().contains("has no room for `a`: it has"),
        "{error}"
    );
}

fn adapt(text: &str, rights: Rights) -> Result<String, String> {
    let adapted = manifest::adapt(text.as_bytes(), None, rights);
    adapted
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .map_err(|error| error.to_string())
}

/// The value of an element's attribute or, where none is named, its text.
fn value(manifest: &str, element: &str, attribute: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(manifest).unwrap();
    let found = document
        .descendants()
        .filter(|node| node.tag_name().name() == element);
    let value = |node: roxmltree::Node<'_, '_>| match attribute {
        "" => node.text().unwrap_or_default().to_owned(),
        name => node.attribute(name).unwrap_or_default().to_owned(),
    };
    found.map(value).collect()
}

#[test]
fn the_usual_manifest_says_what_windows_asks() {
    let usual = |admin, ui_access| {
        String::from_utf8(manifest::default(Rights { admin, ui_access })).unwrap()
    };
    let text = usual(false, false);
    assert_eq!(
        value(&text, "requestedExecutionLevel", "level"),
        ["asInvoker"]
    );
    assert_eq!(
        value(&text, "requestedExecutionLevel", "uiAccess"),
        ["false"]
    );
    assert_eq!(value(&text, "longPathAware", ""), ["true"]);
    assert_eq!(value(&text, "activeCodePage", ""), ["UTF-8"]);
    assert_eq!(
        value(&text, "dpiAwareness", ""),
        ["PerMonitorV2, PerMonitor"]
    );
    assert_eq!(value(&text, "assemblyIdentity", "version"), ["6.0.0.0"]);
    assert_eq!(value(&text, "supportedOS", "Id").len(), 4);
    let text = usual(true, true);
    assert_eq!(
        value(&text, "requestedExecutionLevel", "level"),
        ["requireAdministrator"]
    );
    assert_eq!(
        value(&text, "requestedExecutionLevel", "uiAccess"),
        ["true"]
    );
    // What is whole is left as it is.
    assert_eq!(adapt(&text, Rights::default()).unwrap(), text);
}

#[test]
fn a_manifest_of_ones_own_keeps_what_it_says() {
    let own = "<?xml version='1.0' encoding='utf-16'?>\n<!-- mine -->\n<a:assembly xmlns:a='urn:schemas-microsoft-com:asm.v1' \
               manifestVersion='1.0'>\n <trustInfo xmlns='urn:schemas-microsoft-com:asm.v3'><security><requestedPrivileges>\
               <requestedExecutionLevel level='highestAvailable'/></requestedPrivileges></security></trustInfo>\n</a:assembly>";
    let kept = adapt(own, Rights::default()).unwrap();
    assert_eq!(
        value(&kept, "requestedExecutionLevel", "level"),
        ["highestAvailable"]
    );
    assert_eq!(
        value(&kept, "assemblyIdentity", "name"),
        ["Microsoft.Windows.Common-Controls"]
    );
    assert!(
        kept.contains("<!-- mine -->")
            && kept.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"")
    );
    let asked = Rights {
        admin: true,
        ui_access: true,
    };
    let changed = adapt(own, asked).unwrap();
    assert_eq!(
        value(&changed, "requestedExecutionLevel", "level"),
        ["requireAdministrator"]
    );
    assert_eq!(
        value(&changed, "requestedExecutionLevel", "uiAccess"),
        ["true"]
    );
    // UTF-16, as Windows' tools write it.
    let wide: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(own.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(
        manifest::adapt(&wide, None, Rights::default()).unwrap(),
        kept.as_bytes()
    );
    let bare = "<assembly xmlns=\"urn:schemas-microsoft-com:asm.v1\"> </assembly>";
    assert_eq!(
        value(
            &adapt(bare, Rights::default()).unwrap(),
            "requestedExecutionLevel",
            "level"
        ),
        ["asInvoker"]
    );
    let error = |text: &str| adapt(text, Rights::default()).unwrap_err();
    insta::assert_snapshot!(error("<assembly/>"), @"the manifest is wrong: its outermost element is `assembly`, and must be `assembly` of `urn:schemas-microsoft-com:asm.v1`");
    insta::assert_snapshot!(error("<assembly xmlns='urn:schemas-microsoft-com:asm.v1'/>"), @"the manifest is wrong: there is nothing in it");
    insta::assert_snapshot!(error("<assembly>"), @"the manifest is wrong: the root node was opened but never closed");
    insta::assert_snapshot!(error(""), @"the manifest is wrong: the document does not have a root node");
}

#[test]
fn resource_rules_are_pyinstallers() {
    let check = |text: &str, kind: Option<Id>, name: Option<Id>, language| {
        let rule = Rule::parse(text).unwrap();
        assert_eq!(
            (rule.kind, rule.name, rule.language),
            (kind, name, language),
            "{text}"
        );
    };
    let (number, name) = (|n| Some(Id::Number(n)), |n| Some(Id::name(n)));
    check("a.dll", None, None, Tongue::Unsaid);
    check("a.dll,*,*,*", None, None, Tongue::All);
    check("a.bin,10,data", number(10), name("DATA"), Tongue::Unsaid);
    check(
        "a.bin,TEXTS,7,1031",
        name("TEXTS"),
        number(7),
        Tongue::One(1031),
    );
    let error = |text: &str| Rule::parse(text).unwrap_err();
    insta::assert_snapshot!(error(",1,2"), @"no file is named");
    insta::assert_snapshot!(error("a,1,2,x"), @"its language `x` is no number from 0 to 65535");
    insta::assert_snapshot!(error("a,1,2,3,4"), @"there are more than three commas");
    insta::assert_snapshot!(error("a,,2"), @"its type is empty");
    let rule = Rule::parse("a.bin,10").unwrap();
    insta::assert_snapshot!(rule.read(b"data").unwrap_err(), @"it is no executable: say TYPE and NAME of the resource that it is");
}

fn bare() -> Vec<u8> {
    executable(&[(".text", 0x1000, 0x200)], &[])
}

#[test]
fn an_executable_gets_all_of_it_and_keeps_the_rest() {
    let mut before = Resources::default();
    before.insert(kind::RCDATA, Id::Number(1), 1033, b"kept".to_vec());
    before.insert(kind::RCDATA, Id::Number(2), 0, b"old".to_vec());
    before.insert(kind::RCDATA, Id::Number(2), 1031, b"alt".to_vec());
    before.insert(kind::MANIFEST, Id::Number(1), 1033, b"<old/>".to_vec());
    let exe = with_resources(&bare(), &before, None).unwrap().file;
    let icons = [
        parse_ico(&ico(&[16, 256])).unwrap(),
        parse_ico(&ico(&[32])).unwrap(),
    ];
    let change = |rule: &str, content: &[u8]| Rule::parse(rule).unwrap().read(content).unwrap();
    let branding = Branding {
        icons: icons.to_vec(),
        version: Some(VersionInfo::of(&facts())),
        manifest: Some(manifest::default(Rights::default())),
        resources: vec![change("x,10,2,*", b"new"), change("x,OWN,NAME", b"own")],
        windowed: true,
    };
    let edited = brand(&exe, &branding).unwrap();
    let headers = Headers::parse(&edited.file).unwrap();
    assert_eq!(headers.subsystem, WINDOWED);
    let field = headers.checksum_offset();
    let stored = crate::pe::bytes::u32_at(&edited.file, field).unwrap();
    assert_eq!(stored, checksum(&edited.file).unwrap());
    let after = Resources::parse(&edited.file).unwrap();
    let found: Vec<_> = groups(&after)
        .unwrap()
        .into_iter()
        .map(|group| group.icon)
        .collect();
    // The first is there by the name that Qt looks for, too.
    assert_eq!(found, [&icons[..1], &icons].concat());
    let data = |of: u32| -> Vec<&[u8]> {
        after
            .of_kind(of)
            .map(|(_, _, r)| r.data.as_slice())
            .collect()
    };
    assert_eq!(data(kind::RCDATA), [&b"kept"[..], b"new", b"new"]);
    assert_eq!(
        data(kind::MANIFEST),
        [branding.manifest.as_deref().unwrap()]
    );
    assert_eq!(
        VersionInfo::decode(data(kind::VERSION)[0]),
        branding.version
    );
    let own = (Id::name("OWN"), Id::name("NAME"), 0);
    assert_eq!(after.0[&own].data, b"own");
    // Once more makes no difference.
    assert_eq!(brand(&edited.file, &branding).unwrap().file, edited.file);
}

#[test]
fn resources_of_another_executable_come_along() {
    let icon = parse_ico(&ico(&[48])).unwrap();
    let mut theirs = Resources::default();
    put_groups(&mut theirs, std::slice::from_ref(&icon), |_| false);
    theirs.insert(kind::VERSION, Id::Number(1), 0, b"their version".to_vec());
    let library = with_resources(&bare(), &theirs, None).unwrap().file;
    let change = |rule: &str| Rule::parse(rule).unwrap().read(&library);
    let own = parse_ico(&ico(&[16])).unwrap();
    let branding = Branding {
        icons: vec![own.clone()],
        version: Some(VersionInfo::of(&facts())),
        resources: vec![change("x.dll").unwrap()],
        ..Branding::default()
    };
    let after = Resources::parse(&brand(&bare(), &branding).unwrap().file).unwrap();
    let found: Vec<_> = groups(&after)
        .unwrap()
        .into_iter()
        .map(|group| group.icon)
        .collect();
    assert_eq!(found[0], own);
    assert!(found.contains(&icon));
    let versions: Vec<_> = after
        .of_kind(kind::VERSION)
        .map(|(_, _, r)| &r.data[..])
        .collect();
    assert_eq!(versions, [b"their version"]);
    assert!(change("x.dll,24").unwrap_err().contains("no such resource"));
    assert!(
        brand(b"\x7fELF", &branding)
            .unwrap_err()
            .to_string()
            .contains("cannot be changed")
    );
}

#[test]
fn a_plan_for_windows_is_read_and_its_files_are_named_when_they_are_wrong() {
    use crate::plan::{Entry, IconFile, ManifestSource};
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let script = folder.path().join("app.py");
    let mut plan = crate::testing::plan(folder.path(), Entry::Script(script), folder.path());
    assert_eq!(
        bootloader(&plan, b"for Linux".to_vec()).unwrap(),
        (b"for Linux".to_vec(), vec![])
    );
    plan.target = "x86_64-pc-windows-gnu".into();
    let path = file("app.ico", &ico(&[48]));
    plan.brand.icons = vec![IconFile {
        path,
        choice: crate::icon::Choice::First,
    }];
    plan.brand.version_file = Some(file("version.txt", VERSION_FILE.as_bytes()));
    plan.brand.manifest = Some(ManifestSource::File(file(
        "own.manifest",
        &manifest::default(Rights::default()),
    )));
    let rule = |text: &str, content: &[u8]| {
        (
            Rule::parse(text).unwrap(),
            file(text.split(',').next().unwrap(), content),
        )
    };
    plan.brand.resources = vec![rule("data.bin,10,1", b"data")];
    plan.windowed = true;
    let (file_, notes) = bootloader(&plan, bare()).unwrap();
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].contains("app.ico`: its largest image has 48 pixels"),
        "{}",
        notes[0]
    );
    let after = Resources::parse(&file_).unwrap();
    assert_eq!(groups(&after).unwrap()[0].icon.images.len(), 10);
    let (_, _, version) = after.of_kind(kind::VERSION).next().unwrap();
    let version = VersionInfo::decode(&version.data).unwrap();
    assert_eq!(version.text("CompanyName"), Some("Bäcker & Co"));
    // Version information of an executable.
    plan.brand.version_file = Some(file("other.exe", &file_));
    let (branding, _) = read(&plan).unwrap();
    assert_eq!(branding.version, Some(version));

    let error = |plan: &BuildPlan| {
        let error = read(plan).unwrap_err();
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        let text = format!("{error}{}", source.unwrap_or_default());
        text.replace(&crate::report::path(folder.path()), "")
    };
    file("app.ico", b"BM is no icon");
    insta::assert_snapshot!(error(&plan), @"`/app.ico` cannot be the icon: it is no .ico, .png, .svg or Windows executable: it is a BMP picture");
    plan.brand.icons.clear();
    plan.brand.version_file = Some(file("version.txt", b"\nVSVersionInfo(1)"));
    insta::assert_snapshot!(error(&plan), @"`/version.txt` is no version file: line 2: FixedFileInfo(…) is expected here");
    plan.brand.version_file = None;
    file("own.manifest", b"<a");
    insta::assert_snapshot!(error(&plan), @"the manifest `/own.manifest` is wrong: the document does not have a root node");
    plan.brand.manifest = None;
    plan.brand.resources = vec![rule("gone.bin", b"")];
    insta::assert_snapshot!(error(&plan), @"`gone.bin` brings no resource: it is no executable: say TYPE and NAME of the resource that it is");
    std::fs::remove_file(folder.path().join("gone.bin")).unwrap();
    assert!(
        error(&plan).starts_with("cannot read `/gone.bin` for a resource"),
        "{}",
        error(&plan)
    );
}
