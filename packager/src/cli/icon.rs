//! `pack icon`.

use super::Failure;
use crate::icon::{Choice, Completed, Encoding, Icon, IconError, Image, Source, encode_ico};
use crate::report::{Printer, path as show, size};
use clap::{Arg, ArgMatches, Command};
use platform::MappedFile;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("icon")
        .about("Show what an icon holds, and write .ico files")
        .long_about(
            "Show what an .ico, .png, .svg or Windows executable holds as an icon: sizes, depths, compression, what Windows \
             misses in it and what is damaged. With -o, write an .ico with every size that Windows uses: images that are \
             there stay as they are, missing ones are made of the next larger one, or drawn.",
        )
        .arg(
            Arg::new("icon")
                .value_name("FILE")
                .required(true)
                .help("An .ico, .png, .svg or .exe; FILE.exe,NUMBER for one of several in an executable"),
        )
        .arg(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Write an .ico with every size that Windows uses"),
        )
        .args(super::verbosity())
        .arg(super::format())
        .after_help(
            "Examples:\n  \
             pack icon app.ico\n  \
             pack icon drawing.svg -o app.ico\n  \
             pack icon program.exe -o its.ico",
        )
}

#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("cannot read the icon")]
    Read(#[source] std::io::Error),
    #[error("`{}` is no icon", show(file))]
    Icon { file: PathBuf, source: IconError },
    #[error("cannot write `{}`", show(file))]
    Write {
        file: PathBuf,
        source: std::io::Error,
    },
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let text = matches.get_one::<String>("icon");
    let (file, choice) = located(text.map(String::as_str).unwrap_or_default());
    let source = read(&file)?;
    let failed = |error| failure(&file, error);
    let shown = Shown::of(&source, choice).map_err(failed)?;
    let text = match super::is_json(matches) {
        true => format!("{:#}\n", shown.json(&file)),
        false => shown.text(&file, printer),
    };
    printer.data(&text)?;
    if let Some(output) = matches.get_one::<PathBuf>("output") {
        let completed = source.complete(choice).map_err(failed)?;
        write(output, &completed).map_err(|source| {
            let file = output.clone();
            Failure::new(CommandError::Write { file, source }, None)
        })?;
        for note in completed.notes() {
            printer.warning(&note);
        }
        printer.status(&written(output, &completed));
    } else if shown.damaged() {
        return Ok(ExitCode::from(super::FAILED));
    }
    Ok(ExitCode::SUCCESS)
}

/// The file, and which of its icons: a file's own name may hold a comma.
fn located(text: &str) -> (PathBuf, Choice) {
    let (file, choice) = Choice::split(text);
    if Path::new(text).is_file() {
        return (text.into(), Choice::First);
    }
    (file.into(), choice)
}

fn failure(file: &Path, source: IconError) -> Failure {
    let hint = source.hint().map(str::to_owned);
    let file = file.to_owned();
    Failure::new(CommandError::Icon { file, source }, hint)
}

/// The icon's file, mapped: an executable may be larger than memory.
fn read(file: &Path) -> Result<Source, Failure> {
    let failed = |error| Failure::new(CommandError::Read(error), None);
    let opened = fs_err::File::open(file).map_err(failed)?;
    let metadata = opened.metadata().map_err(failed)?;
    if metadata.is_dir() {
        let is_folder = std::io::Error::other(format!("`{}` is a folder", show(file)));
        let hint = IconError::Empty.hint().map(str::to_owned);
        return Err(Failure::new(CommandError::Read(is_folder), hint));
    }
    if metadata.len() == 0 && metadata.is_file() {
        return Err(failure(file, IconError::Empty));
    }
    let bytes = MappedFile::of(opened.file()).map_err(failed)?;
    Source::parse(&bytes).map_err(|error| failure(file, error))
}

/// Writes it whole or not at all.
fn write(file: &Path, completed: &Completed) -> std::io::Result<()> {
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".icon.").suffix(".partial");
    // As files are made, and not for the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut partial = builder.tempfile_in(folder)?;
    partial.write_all(&encode_ico(&completed.icon))?;
    partial.persist(file).map_err(|error| error.error)?;
    Ok(())
}

fn written(output: &Path, completed: &Completed) -> String {
    let total = encode_ico(&completed.icon).len() as u64;
    let count = completed.icon.images.len();
    let made = match completed.made.len() {
        0 => "none of them made anew".to_owned(),
        made if made == count => "all made anew".to_owned(),
        made => format!("{made} of them made anew"),
    };
    format!("{}: {count} images, {made}, {}", show(output), size(total))
}

/// What is shown.
struct Shown<'a> {
    kind: &'static str,
    /// Width and height of a picture that is no icon yet.
    picture: Option<(f64, f64)>,
    /// Each icon and what it is called; of an .ico the one without a name.
    icons: Vec<(Option<String>, &'a Icon)>,
}

impl<'a> Shown<'a> {
    fn of(source: &'a Source, choice: Choice) -> Result<Self, IconError> {
        let picture = match source {
            Source::Png(pixels) => Some((pixels.width.into(), pixels.height.into())),
            Source::Svg(drawing) => {
                let (width, height) = drawing.size();
                Some((width.into(), height.into()))
            }
            Source::Ico(_) | Source::Executable(_) => None,
        };
        let icons = match (source, choice) {
            (Source::Executable(groups), Choice::First) if !groups.is_empty() => groups
                .iter()
                .map(|group| (Some(group.name.to_string()), &group.icon))
                .collect(),
            (source, choice) => {
                let icon = source.icon(choice)?;
                icon.into_iter().map(|icon| (None, icon)).collect()
            }
        };
        Ok(Self {
            kind: source.kind(),
            picture,
            icons,
        })
    }

    fn damaged(&self) -> bool {
        let mut images = self.icons.iter().flat_map(|(_, icon)| &icon.images);
        images.any(|image| image.pixels().is_err())
    }

    fn text(&self, file: &Path, printer: &Printer) -> String {
        let mut text = format!("{}: {}", printer.heading(&show(file)), self.kind);
        if let Some((width, height)) = self.picture {
            let _ = write!(text, " of {width} x {height}");
        }
        text.push('\n');
        for (index, (name, icon)) in self.icons.iter().enumerate() {
            if let Some(name) = name {
                let which = if index == 0 {
                    ": the one that Explorer shows"
                } else {
                    ""
                };
                let _ = writeln!(text, "icon {name}{which}");
            }
            let _ = writeln!(
                text,
                "  {:<11} {:>5}  {:<7} {:>8}",
                "size", "depth", "stored", "bytes"
            );
            icon.images.iter().for_each(|image| text += &row(image));
            let missing: Vec<String> = icon.missing().iter().map(u32::to_string).collect();
            let _ = match missing.is_empty() {
                true => writeln!(text, "  it has every size that Windows uses"),
                false => writeln!(
                    text,
                    "  missing: {}; `pack build` and `pack icon -o` make them",
                    missing.join(", ")
                ),
            };
        }
        text
    }

    fn json(&self, file: &Path) -> Value {
        let image = |image: &Image| {
            json!({
                "width": image.width,
                "height": image.height,
                "depth": image.depth,
                "stored": stored(image),
                "bytes": image.data.len(),
                "damage": image.pixels().err().map(|mistake| mistake.to_string()),
            })
        };
        let icons = self.icons.iter().map(|(name, icon)| {
            json!({
                "name": name,
                "images": icon.images.iter().map(image).collect::<Vec<_>>(),
                "missing": icon.missing(),
            })
        });
        json!({
            "file": file,
            "kind": self.kind.trim_start_matches('.'),
            "picture": self.picture.map(|(width, height)| json!({ "width": width, "height": height })),
            "icons": icons.collect::<Vec<_>>(),
        })
    }
}

fn stored(image: &Image) -> &'static str {
    match image.encoding {
        Encoding::Png => "PNG",
        Encoding::Bitmap => "bitmap",
    }
}

fn row(image: &Image) -> String {
    let Image {
        width,
        height,
        depth,
        data,
        ..
    } = image;
    let dimensions = format!("{width} x {height}");
    let damage = match image.pixels() {
        Err(mistake) => format!("  damaged: {mistake}"),
        Ok(pixels) if pixels.is_invisible() => "  fully transparent".to_owned(),
        Ok(_) => String::new(),
    };
    format!(
        "  {dimensions:<11} {depth:>5}  {:<7} {:>8}{damage}\n",
        stored(image),
        data.len()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::Level;

    fn pack(arguments: &[&str]) -> Result<ExitCode, Failure> {
        let matches = command().try_get_matches_from(std::iter::once(&"icon").chain(arguments));
        run(&matches.unwrap(), &Printer::new(Level::Quiet))
    }

    fn text(file: &Path) -> String {
        let source = read(file).unwrap();
        let shown = Shown::of(&source, Choice::First).unwrap();
        shown.text(Path::new("app"), &Printer::new(Level::Normal))
    }

    #[test]
    fn a_drawing_becomes_an_ico_with_every_size() {
        let folder = tempfile::tempdir().unwrap();
        let (svg, ico) = (folder.path().join("a.svg"), folder.path().join("a.ico"));
        let drawing =
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><path d='M0 0h8v8z'/></svg>";
        std::fs::write(&svg, drawing).unwrap();
        insta::assert_snapshot!(text(&svg), @"app: .svg of 8 x 8");
        let (svg, out) = (svg.to_str().unwrap(), ico.to_str().unwrap());
        pack(&[svg, "-o", out]).unwrap();
        let shown = text(&ico);
        assert!(
            shown.ends_with("  it has every size that Windows uses\n"),
            "{shown}"
        );
        assert_eq!(shown.lines().count(), 13, "{shown}");
        assert!(
            shown.contains("  48 x 48        32  bitmap      9640\n"),
            "{shown}"
        );
        // An icon that is whole is written as it is.
        let first = std::fs::read(&ico).unwrap();
        pack(&[out, "-o", out]).unwrap();
        assert_eq!(std::fs::read(&ico).unwrap(), first);
    }

    #[test]
    fn a_damaged_image_is_named_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.ico");
        let picture = crate::icon::Pixels {
            width: 2,
            height: 2,
            rgba: vec![255; 16],
        };
        let mut icon = Icon {
            images: vec![Image::new(&picture).unwrap()],
        };
        icon.images[0].data.truncate(50);
        std::fs::write(&file, encode_ico(&icon)).unwrap();
        insta::assert_snapshot!(text(&file), @"
        app: .ico
          size        depth  stored     bytes
          2 x 2          32  bitmap        50  damaged: it is cut off: its pixels should end at byte 56, and 50 are there
          missing: 16, 20, 24, 32, 40, 48, 64, 96, 128, 256; `pack build` and `pack icon -o` make them
        ");
        let (file, out) = (file.to_str().unwrap(), folder.path().join("b.ico"));
        assert_eq!(
            format!("{:?}", pack(&[file]).unwrap()),
            format!("{:?}", ExitCode::from(1))
        );
        let failure = pack(&[file, "-o", out.to_str().unwrap()]).unwrap_err();
        let cause = failure.error.source().unwrap().to_string();
        assert_eq!(
            cause,
            "image 1 of 1: it is cut off: its pixels should end at byte 56, and 50 are there"
        );
        assert!(!out.exists());
    }
}
