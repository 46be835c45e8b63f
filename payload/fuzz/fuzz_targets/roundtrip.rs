//! What the writer accepts, the reader finds: whatever the names, contents, modules and prefix are.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use payload::{Check, Method, NewEntry, NewModule, Payload, Placement, Program, Writer};

#[derive(Debug, Arbitrary)]
struct Input {
    prefix: Vec<u8>,
    fold_case: bool,
    windows: bool,
    entries: Vec<File>,
    modules: Vec<Named>,
    signature: Vec<u8>,
    name: String,
}

#[derive(Debug, Arbitrary)]
struct File {
    path: String,
    content: Vec<u8>,
    compressed: bool,
    memory: bool,
    mode: u16,
}

#[derive(Debug, Arbitrary)]
struct Named {
    name: String,
    file: String,
    package: bool,
    code: Option<u8>,
}

fuzz_target!(|input: Input| {
    let mut writer = Writer::new(Vec::new(), &input.prefix).expect("a vector takes everything");
    if !input.fold_case {
        writer.allow_case_collisions();
    }
    if !input.windows {
        writer.allow_windows_names();
    }
    let added: Vec<&File> = input
        .entries
        .iter()
        .filter(|file| add(&mut writer, file))
        .collect();
    let modules: Vec<NewModule> = input
        .modules
        .iter()
        .map(|module| named(module, &added))
        .collect();
    for module in &modules {
        writer.add_module(module.clone());
    }
    let program = Program {
        name: input.name.clone(),
        ..Program::default()
    };
    // Names that collide.
    let Ok((mut file, summary)) = writer.finish(&program) else {
        return;
    };
    file.extend(&input.signature);

    let payload = Payload::locate(&file).expect("it was just written");
    payload.verify(1).expect("every byte is as it was written");
    payload
        .verify_contents(1)
        .expect("every content is what was packed");
    assert_eq!(payload.content_hash(), summary.content_hash);
    assert_eq!(payload.program().expect("it was just written"), program);
    assert_eq!(
        (payload.len(), payload.module_count() as usize),
        (added.len(), modules.len())
    );
    for packed in added {
        same(&payload, packed);
    }
    for module in modules {
        let found = payload
            .module(&module.name)
            .expect("it is sound")
            .expect("it was added");
        assert_eq!(
            (found.package, found.file),
            (module.package, module.file.as_str())
        );
        let code = found
            .code
            .map(|code| payload.entry(code).expect("it is sound").path);
        assert_eq!(code, module.code.as_deref());
    }
});

/// Adds `file`, unless its name or mode is none.
fn add(writer: &mut Writer<Vec<u8>>, file: &File) -> bool {
    let entry = NewEntry {
        mode: u32::from(file.mode),
        method: if file.compressed {
            Method::Zstd
        } else {
            Method::Stored
        },
        ..NewEntry::stored(&file.path, placement(file), &file.content)
    };
    let frames = zstd::bulk::compress(&file.content, 1).expect("there is memory");
    let stored = if file.compressed {
        &frames
    } else {
        &file.content
    };
    writer.add(&entry, stored).is_ok()
}

fn placement(file: &File) -> Placement {
    if file.memory {
        Placement::Memory
    } else {
        Placement::File
    }
}

fn named(module: &Named, added: &[&File]) -> NewModule {
    let code = module
        .code
        .and_then(|number| added.get(usize::from(number)));
    NewModule {
        name: module.name.clone(),
        file: module.file.clone(),
        package: module.package,
        code: code.map(|file| file.path.clone()),
        ..NewModule::default()
    }
}

fn same(payload: &Payload<'_>, packed: &File) {
    let entry = payload
        .find(&packed.path)
        .expect("it is sound")
        .expect("it was added");
    assert_eq!(entry.mode, u32::from(packed.mode));
    assert_eq!(entry.placement, placement(packed));
    assert_eq!(*entry.verified().expect("it is intact"), packed.content);
    let mut copied = Vec::new();
    entry
        .copy_to(&mut copied, Check::Hash)
        .expect("it is intact");
    assert_eq!(copied, packed.content);
    assert!(
        entry
            .matches(&mut &packed.content[..])
            .expect("a slice can be read")
    );
}
