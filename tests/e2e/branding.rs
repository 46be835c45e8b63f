//! Icons, version and manifest of Windows executables, as tools of others see them: icoutils, pefile, LLVM.

use crate::harness::{Pack, Scratch, python_with_pefile, tool, tools, words};
use packager::brand::version::{Facts, VersionInfo};
use packager::brand::{Branding, brand, manifest, parse_version_file, resource::Rule};
use packager::icon::{Choice, Icon, Image, Pixels, Source, encode_ico, parse_ico};
use packager::pe::{Headers, Resources, checksum};
use payload::{NewEntry, Payload, Placement, Program, Writer};
use std::fs;
use std::path::{Path, PathBuf};

/// A picture in which every pixel has a colour of its own, some are transparent and some half so.
fn picture(side: u32) -> Pixels {
    let mut pixels = Pixels::transparent(side, side);
    for (index, pixel) in pixels.rgba.chunks_exact_mut(4).enumerate() {
        let [low, high, ..] = u32::try_from(index).unwrap().to_le_bytes();
        let alpha = [255, 255, 0, 128][index % 4];
        if alpha > 0 {
            pixel.copy_from_slice(&[low, high ^ low, 255 - high, alpha]);
        }
    }
    pixels
}

fn icon(sides: &[u32]) -> Icon {
    let images = sides
        .iter()
        .map(|side| Image::new(&picture(*side)).unwrap());
    Icon {
        images: images.collect(),
    }
}

fn pixels(png: &Path) -> Pixels {
    match Source::parse(&fs::read(png).unwrap()).unwrap() {
        Source::Png(pixels) => pixels,
        other => panic!("{other:?}"),
    }
}

/// The images of an .ico as icotool decodes them.
fn by_icotool(icotool: &Path, ico: &Path) -> Vec<Pixels> {
    let folder = tempfile::tempdir().unwrap();
    tool(icotool, words(&[&"-x", &"-o", &folder.path(), &ico]));
    let mut files: Vec<PathBuf> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // NAME_1_16x16x32.png
    let number = |path: &Path| -> u32 {
        let name = path.file_stem().unwrap().to_str().unwrap();
        name.rsplit('_').nth(1).unwrap().parse().unwrap()
    };
    files.sort_by_key(|file| number(file));
    files.iter().map(|file| pixels(file)).collect()
}

/// A small program that mingw has linked, with resources or without.
pub(super) fn program(folder: &Path, gcc: &Path, resources: bool) -> Vec<u8> {
    let (source, out) = (folder.join("hello.c"), folder.join("hello.exe"));
    fs::write(
        &source,
        "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n",
    )
    .unwrap();
    let mut objects = vec![source.into_os_string()];
    if resources {
        let (script, object) = (folder.join("hello.rc"), folder.join("hello.res.o"));
        fs::write(folder.join("old.ico"), encode_ico(&icon(&[16, 64]))).unwrap();
        fs::write(
            &script,
            "7 ICON \"old.ico\"\nTEXT RCDATA { \"kept\" }\n1 24 { \"<old/>\" }\n",
        )
        .unwrap();
        let windres = gcc.with_file_name("x86_64-w64-mingw32-windres");
        let include = format!("--include-dir={}", folder.display());
        tool(&windres, words(&[&include, &script, &object]));
        objects.push(object.into_os_string());
    }
    objects.extend(["-o".into(), out.clone().into_os_string()]);
    tool(gcc, &objects);
    fs::read(out).unwrap()
}

fn branding() -> Branding {
    let facts = Facts {
        name: "guestbook",
        version: Some("1.4.2"),
        title: Some("Guestbook"),
        company: Some("Bäcker & Söhne"),
        copyright: Some("© 2026"),
        ..Facts::default()
    };
    let rule = Rule::parse("data.bin,OWN,ADDED,1031").unwrap();
    Branding {
        icons: vec![icon(&[16, 24, 48, 256]), icon(&[32])],
        version: Some(VersionInfo::of(&facts)),
        manifest: Some(manifest::default(manifest::Rights::default())),
        resources: vec![rule.read(b"added").unwrap()],
        windowed: true,
    }
}

/// The executable with a payload behind it, as a build makes it.
pub(super) fn packed(exe: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), exe).unwrap();
    let entry = NewEntry::stored("app.py", Placement::Memory, b"print('hello')");
    writer.add(&entry, b"print('hello')").unwrap();
    writer.finish(&Program::default()).unwrap().0
}

#[test]
fn icons_are_pixel_equal_where_icoutils_extracts_them() {
    let Some([wrestool, icotool, gcc]) = tools(["wrestool", "icotool", "x86_64-w64-mingw32-gcc"])
    else {
        return;
    };
    let scratch = Scratch::new();
    for resources in [false, true] {
        let exe = program(scratch.path(), &gcc, resources);
        let branded = brand(&exe, &branding()).unwrap();
        let file = scratch.path().join("branded.exe");
        fs::write(&file, packed(&branded.file)).unwrap();
        let listed = String::from_utf8(tool(&wrestool, words(&[&"-l", &file]))).unwrap();
        let count = |kind: &str| listed.lines().filter(|line| line.starts_with(kind)).count();
        assert_eq!(count("--type=14 "), 3, "{listed}");
        assert_eq!(count("--type=3 "), 5, "{listed}");
        assert_eq!(count("--type=16 "), 1, "{listed}");
        assert_eq!(count("--type=24 "), 1, "{listed}");
        let first = &[16, 24, 48, 256][..];
        for (name, expected) in [("1", first), ("IDI_ICON1", first), ("2", &[32])] {
            let ico = scratch.path().join(format!("{name}.ico"));
            let number = format!("-n{name}");
            tool(
                &wrestool,
                words(&[&"-x", &"-t14", &number, &"-o", &ico, &file]),
            );
            let images = by_icotool(&icotool, &ico);
            let expected: Vec<Pixels> = expected.iter().map(|side| picture(*side)).collect();
            assert!(images == expected, "icon {name}");
        }
        if resources {
            let kept = tool(
                &wrestool,
                words(&[&"-x", &"--raw", &"-t10", &"-nTEXT", &file]),
            );
            assert_eq!(kept, b"kept");
        }
    }
}

#[test]
fn pefile_and_llvm_read_what_was_put_in() {
    let Some([readobj, gcc]) = tools(["llvm-readobj", "x86_64-w64-mingw32-gcc"]) else {
        return;
    };
    const JUDGE: &str = r"
import json, pefile, sys
pe = pefile.PE(sys.argv[1])
texts = {}
for info in pe.FileInfo[0]:
    for table in getattr(info, 'StringTable', []):
        texts.update({k.decode(): v.decode() for k, v in table.entries.items()})
        texts['language'] = table.LangID.decode()
kinds = {}
for kind in pe.DIRECTORY_ENTRY_RESOURCE.entries:
    for name in kind.directory.entries:
        for language in name.directory.entries:
            data = language.data.struct
            content = pe.get_data(data.OffsetToData, data.Size)
            kinds.setdefault(str(kind.name or kind.id), []).append([str(name.name or name.id), language.id, content.decode('latin-1')])
fixed = pe.VS_FIXEDFILEINFO[0]
names = {d.name for d in pe.OPTIONAL_HEADER.DATA_DIRECTORY if d.VirtualAddress}
print(json.dumps({
    'warnings': pe.get_warnings(),
    'checksum': [pe.OPTIONAL_HEADER.CheckSum, pe.generate_checksum()],
    'subsystem': pe.OPTIONAL_HEADER.Subsystem,
    'version': [fixed.FileVersionMS, fixed.FileVersionLS],
    'texts': texts,
    'imports': [e.dll.decode().lower() for e in pe.DIRECTORY_ENTRY_IMPORT],
    'relocations': len(getattr(pe, 'DIRECTORY_ENTRY_BASERELOC', [])),
    'kinds': kinds,
    'overlay': pe.get_overlay_data_start_offset(),
    'size_of_image': pe.OPTIONAL_HEADER.SizeOfImage,
}))
";
    let scratch = Scratch::new();
    let judge = |file: &Path| -> serde_json::Value {
        serde_json::from_slice(&tool(python_with_pefile(), words(&[&"-c", &JUDGE, &file]))).unwrap()
    };
    for resources in [false, true] {
        let exe = program(scratch.path(), &gcc, resources);
        let branded = brand(&exe, &branding()).unwrap().file;
        let file = scratch.path().join("branded.exe");
        fs::write(&file, &branded).unwrap();
        let seen = judge(&file);
        assert_eq!(seen["warnings"], serde_json::json!([]));
        let sum = checksum(&branded).unwrap();
        assert_eq!(seen["checksum"], serde_json::json!([sum, sum]));
        assert_eq!(seen["subsystem"], 2);
        assert_eq!(seen["version"], serde_json::json!([0x1_0004, 0x2_0000]));
        assert_eq!(seen["texts"]["CompanyName"], "Bäcker & Söhne");
        assert_eq!(seen["texts"]["LegalCopyright"], "© 2026");
        assert_eq!(seen["texts"]["language"], "040904B0");
        assert_eq!(
            seen["kinds"]["OWN"],
            serde_json::json!([["ADDED", 1031, "added"]])
        );
        let manifest = String::from_utf8(branding().manifest.unwrap()).unwrap();
        assert_eq!(seen["kinds"]["24"], serde_json::json!([["1", 0, manifest]]));
        let before = scratch.path().join("hello.exe");
        if resources {
            let plain = judge_without_version(&before);
            assert_eq!(seen["imports"], plain["imports"]);
            assert_eq!(seen["relocations"], plain["relocations"]);
        }
        // The payload is what lies behind all sections.
        fs::write(&file, packed(&branded)).unwrap();
        let whole = fs::read(&file).unwrap();
        let payload = Payload::locate(&whole).unwrap();
        payload.verify(1).unwrap();
        let overlay = judge(&file)["overlay"].clone();
        let end = Headers::parse(&branded)
            .unwrap()
            .sections
            .iter()
            .map(|s| s.offset + s.size)
            .max();
        assert_eq!(overlay, end.unwrap());
        let dump = String::from_utf8(tool(
            &readobj,
            words(&[&"--coff-resources", &"--file-headers", &file]),
        ))
        .unwrap();
        for part in [
            "IMAGE_SUBSYSTEM_WINDOWS_GUI",
            "Type: GROUP_ICON (ID 14)",
            "Type: VERSIONINFO (ID 16)",
        ] {
            assert!(dump.contains(part), "{part} is not in\n{dump}");
        }
    }
}

#[test]
fn pack_doctor_tells_what_windows_will_show() {
    let Some([gcc]) = tools(["x86_64-w64-mingw32-gcc"]) else {
        return;
    };
    let scratch = Scratch::new();
    let exe = program(scratch.path(), &gcc, false);
    let file = scratch.path().join("app.exe");
    let doctor = |bytes: &[u8]| -> Vec<String> {
        fs::write(&file, bytes).unwrap();
        let text = Pack::run(&["doctor", "--format", "json"])
            .arg(&file)
            .run()
            .success()
            .stdout_text();
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        let findings = found["findings"].as_array().unwrap().iter();
        let troubles = findings.filter(|finding| finding["verdict"] == "trouble");
        troubles
            .map(|finding| finding["topic"].as_str().unwrap().to_owned())
            .collect()
    };
    // What mingw links has its own manifest, and no icon nor version.
    let bare = doctor(&exe);
    assert!(
        bare.contains(&"explorer".into()) && bare.contains(&"properties".into()),
        "{bare:?}"
    );
    let complete = Source::parse(&encode_ico(&icon(&[256])))
        .unwrap()
        .complete(Choice::First)
        .unwrap();
    let branding = Branding {
        icons: vec![complete.icon],
        ..branding()
    };
    let branded = brand(&exe, &branding).unwrap().file;
    assert_eq!(doctor(&branded), [""; 0]);
    let told = || {
        let doctor = Pack::run(&["doctor"]).arg(&file).run();
        doctor.success().stdout_text()
    };
    let text = told();
    assert!(
        text.contains("not packed by `pack`") && text.contains("ie4uinit.exe"),
        "{text}"
    );
    fs::write(&file, packed(&branded)).unwrap();
    let text = told();
    assert!(
        text.contains("the task manager calls it `Guestbook`") && text.contains("AppUserModelID"),
        "{text}"
    );
    Pack::run(&["doctor", "/bin/true"])
        .run()
        .refused(1, &["error: ", "not a packed program"]);
}

/// Imports and relocations of an executable.
fn judge_without_version(file: &Path) -> serde_json::Value {
    const JUDGE: &str = r"
import json, pefile, sys
pe = pefile.PE(sys.argv[1])
print(json.dumps({
    'imports': [e.dll.decode().lower() for e in pe.DIRECTORY_ENTRY_IMPORT],
    'relocations': len(getattr(pe, 'DIRECTORY_ENTRY_BASERELOC', [])),
}))
";
    serde_json::from_slice(&tool(python_with_pefile(), words(&[&"-c", &JUDGE, &file]))).unwrap()
}

/// Icons of few colours are made by icotool, and come back as it decodes them.
#[test]
fn icons_that_icotool_makes_are_read_as_it_reads_them() {
    let Some([icotool]) = tools(["icotool"]) else {
        return;
    };
    let scratch = Scratch::new();
    let png = |colours: usize| {
        // An image above 128 pixels is PNG as it stands in a file.
        let mut pixels = Pixels::transparent(256, 256);
        for (index, pixel) in pixels.rgba.chunks_exact_mut(4).enumerate() {
            let [shade, ..] = ((index / 3 % colours) * 255 / (colours - 1)).to_le_bytes();
            let hole = colours > 2 && index % 7 == 0;
            pixel.copy_from_slice(&if hole {
                [0; 4]
            } else {
                [shade, 255 - shade, 9, 255]
            });
        }
        let path = scratch.path().join("picture.png");
        fs::write(&path, Image::new(&pixels).unwrap().data).unwrap();
        path
    };
    for (depth, colours) in [("1", 2), ("4", 10), ("8", 60), ("24", 60), ("32", 60)] {
        let source = png(colours);
        let ico = scratch.path().join("made.ico");
        tool(
            &icotool,
            words(&[&"-c", &"-b", &depth, &"-o", &ico, &source]),
        );
        let icon = parse_ico(&fs::read(&ico).unwrap()).unwrap();
        assert_eq!(icon.images[0].depth.to_string(), depth);
        let ours = icon.images[0].pixels().unwrap();
        let theirs = by_icotool(&icotool, &ico).remove(0);
        let visible = |pixels: &Pixels| -> Vec<[u8; 4]> {
            let (all, _) = pixels.rgba.as_chunks::<4>();
            all.iter()
                .map(|pixel| if pixel[3] == 0 { [0; 4] } else { *pixel })
                .collect()
        };
        assert!(visible(&ours) == visible(&theirs), "{depth} bits");
    }
}

#[test]
fn pack_icon_writes_what_icotool_reads() {
    let Some([icotool]) = tools(["icotool"]) else {
        return;
    };
    let scratch = Scratch::new();
    let (given, out) = (
        scratch.path().join("given.ico"),
        scratch.path().join("out.ico"),
    );
    fs::write(&given, encode_ico(&icon(&[16, 48]))).unwrap();
    Pack::run(&["icon"])
        .arg(&given)
        .arg("-o")
        .arg(&out)
        .run()
        .success();
    let images = by_icotool(&icotool, &out);
    let sides: Vec<u32> = images.iter().map(|image| image.width).collect();
    assert_eq!(sides, packager::icon::SIZES);
    assert!(images[0] == picture(16) && images[5] == picture(48));
    let shown = Pack::run(&["icon", "--format", "json"])
        .arg(&out)
        .run()
        .success()
        .stdout_text();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["icons"][0]["missing"], serde_json::json!([]));
    assert_eq!(shown["icons"][0]["images"].as_array().unwrap().len(), 10);
    Pack::run(&["icon", "/bin/true"])
        .run()
        .refused(1, &["error: ", "no icon", "executable for Linux"]);
}

/// Version information that another tool has made.
#[test]
fn version_information_is_read_back_from_other_executables() {
    let Some([gcc]) = tools(["x86_64-w64-mingw32-gcc"]) else {
        return;
    };
    let scratch = Scratch::new();
    let script = scratch.path().join("version.rc");
    fs::write(
        &script,
        "1 VERSIONINFO\nFILEVERSION 3,1,4,1\nPRODUCTVERSION 2,7,1,8\nFILETYPE 1\nBEGIN\n BLOCK \"StringFileInfo\"\n BEGIN\n  \
         BLOCK \"040904b0\"\n  BEGIN\n   VALUE \"ProductName\", \"Windres\"\n   VALUE \"CompanyName\", \"GNU\"\n  END\n END\n \
         BLOCK \"VarFileInfo\"\n BEGIN\n  VALUE \"Translation\", 0x409, 1200\n END\nEND\n",
    )
    .unwrap();
    let object = scratch.path().join("version.o");
    tool(
        &gcc.with_file_name("x86_64-w64-mingw32-windres"),
        words(&[&script, &object]),
    );
    let (source, out) = (scratch.path().join("a.c"), scratch.path().join("a.exe"));
    fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    tool(&gcc, words(&[&source, &object, &"-o", &out]));
    let resources = Resources::parse(&fs::read(&out).unwrap()).unwrap();
    let (_, _, resource) = resources
        .of_kind(packager::pe::kind::VERSION)
        .next()
        .unwrap();
    let info = VersionInfo::decode(&resource.data).unwrap();
    assert_eq!(info.fixed.file_version, [3, 1, 4, 1]);
    assert_eq!(info.fixed.product_version, [2, 7, 1, 8]);
    assert_eq!(
        (info.text("ProductName"), info.text("CompanyName")),
        (Some("Windres"), Some("GNU"))
    );
    assert_eq!(
        info.variables,
        [("Translation".to_owned(), vec![0x409, 1200])]
    );
    let file = "VSVersionInfo(ffi=FixedFileInfo(filevers=(3, 1, 4, 1), prodvers=(2, 7, 1, 8), mask=0, OS=0), kids=[\
                StringFileInfo([StringTable('040904b0', [StringStruct('ProductName', 'Windres'), \
                StringStruct('CompanyName', 'GNU')])]), VarFileInfo([VarStruct('Translation', [1033, 1200])])])";
    let parsed = parse_version_file(file).unwrap();
    assert_eq!(
        (parsed.tables, parsed.variables),
        (info.tables, info.variables)
    );
    let whole = Source::parse(&fs::read(&out).unwrap()).unwrap();
    assert!(whole.complete(Choice::First).is_err());
}
