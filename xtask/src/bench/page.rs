//! BENCHMARKS.md.

use super::aims::comparisons;
use super::callgrind::Instructions;
use super::costs::{Cost, Costs};
use super::plan::{Before, Packer};
use super::products::Sizes;
use super::subjects::{Subject, Way};
use super::table::Table;
use crate::setup::megabytes;
use anyhow::Result;
use std::fmt::Write as _;

/// All that was measured.
pub(super) struct Page {
    /// Fewer rounds or subjects than the command's own.
    pub(super) is_trial: bool,
    /// What, which.
    pub(super) machine: Vec<[String; 2]>,
    pub(super) measured: Vec<Measured>,
    /// Of the first subject; or why there are none.
    pub(super) instructions: Result<Instructions, String>,
    /// Subjects that could not be run, and why.
    pub(super) skipped: Vec<(&'static str, String)>,
}

/// What was measured of one subject.
pub(super) struct Measured {
    pub(super) subject: &'static Subject,
    pub(super) starts: Costs,
    pub(super) builds: Option<Costs>,
    pub(super) sizes: Sizes,
}

const METHOD: &str = "\
Everything is run one after the other, never at once, and in turns: each round runs every command once, each round begins
with another one, and the round that warms up is not counted. A table gives the median and the minimum of the rounds. A
ratio is taken within each round, and the median of these is given, so that what the machine does meanwhile meets both
sides; below 1 means that `pack` needs less. What the aims are about is CPU time: user and system time of the process and
of all its children, with whatever they unpack, hash and remove. Wall time stands beside it.

- *first start*: the temporary directory is new and empty, so the program unpacks, or checks the files in its folder and
  remembers them. The directory's preparation is not counted.
- *later start*: the program finds what an earlier start left. PyInstaller's one file leaves nothing and unpacks each time;
  its one folder never unpacks and checks nothing.
- `python SCRIPT` is the program as it was before packing, run from its virtual environment, with its bytecode in place.
- `python -I -S` is the floor: the same interpreter, isolated, without `site`.

All read files that the kernel has in memory: the first start after a restart waits for the disk besides. Free memory has
been written to once before: a virtual machine otherwise spends most of a first start on waiting until its host gives it
memory for the files that are unpacked, up to ten times what writing them costs after that. Each command has
a HOME and a TMPDIR of its own, and its output goes to /dev/null. All contestants run the same interpreter, and packed
programs hold the same library of it. Nothing is removed between the runs, for creating files is slow on ext4 just after
many were removed; PyInstaller's one file does remove what it unpacked, in its own runs and in its own time.
";

/// The page's text.
///
/// # Errors
/// When something that it tells was not measured.
pub(super) fn render(page: &Page) -> Result<String> {
    let mut out = String::from("# Benchmarks\n\n");
    out.push_str(
        "What packing and starting a program costs, beside PyInstaller and a bare Python. This page is written by\n\n\
        ```sh\ncargo xtask bench start\n```\n\n\
        which installs what it needs below `target/`. The times are those of one machine; ratios carry further.\n\n",
    );
    if page.is_trial {
        out.push_str(
            "**A trial, with fewer rounds or programs than the full run: not for quoting.**\n\n",
        );
    }
    writeln!(out, "## Aims\n\n{}", aims(page)?)?;
    writeln!(out, "## How it is measured\n\n{METHOD}")?;
    let mut machine = Table::new(&["machine", ""]);
    page.machine
        .iter()
        .for_each(|row| machine.row(row.iter().cloned()));
    writeln!(out, "{machine}")?;
    for measured in &page.measured {
        let Subject { name, about, .. } = measured.subject;
        let rounds = measured.starts.rounds();
        writeln!(
            out,
            "## Starting {name}\n\nA program that {about}. Rounds: {rounds}.\n"
        )?;
        writeln!(out, "{}\n{}", ratios(measured)?, times(measured)?)?;
    }
    for (name, reason) in &page.skipped {
        writeln!(
            out,
            "## Starting {name}\n\nLeft out: the program does not run here. {reason}\n"
        )?;
    }
    writeln!(out, "## Instructions\n\n{}", instructions(page)?)?;
    building(page, &mut out)?;
    writeln!(out, "## Sizes\n\n{}", sizes(page))?;
    Ok(out.trim_end().to_owned() + "\n")
}

/// Every aim, whether met or not.
fn aims(page: &Page) -> Result<Table> {
    let mut table = Table::new(&["CPU time, as a ratio", "program", "aim", "measured", ""]);
    for measured in &page.measured {
        let subject = measured.subject;
        for comparison in comparisons(subject) {
            let Some(aim) = comparison.aim else { continue };
            let (ours, beside) = (comparison.ours, comparison.beside);
            let ratio = ratio(measured, ours, beside)?.cpu;
            table.row([
                format!("{} / {}", ours.label(subject), beside.label(subject)),
                subject.name.to_owned(),
                aim.to_string(),
                share(ratio),
                if aim.is_met(ratio) {
                    "met"
                } else {
                    "**missed**"
                }
                .to_owned(),
            ]);
        }
    }
    Ok(table)
}

fn ratios(measured: &Measured) -> Result<Table> {
    let mut table = Table::new(&["ratio", "CPU", "wall"]);
    for comparison in comparisons(measured.subject) {
        let (ours, beside) = (comparison.ours, comparison.beside);
        let ratio = ratio(measured, ours, beside)?;
        let [ours, beside] = [ours, beside].map(|way| way.label(measured.subject));
        table.row([
            format!("{ours} / {beside}"),
            share(ratio.cpu),
            share(ratio.wall),
        ]);
    }
    Ok(table)
}

fn ratio(measured: &Measured, ours: Way, beside: Way) -> Result<Cost> {
    let [ours, beside] = [ours, beside].map(|way| way.label(measured.subject));
    measured.starts.ratio(&ours, &beside)
}

fn times(measured: &Measured) -> Result<Table> {
    let mut table = Table::new(&[
        "start",
        "CPU, median",
        "minimum",
        "wall time, median",
        "minimum",
    ]);
    for way in Way::ALL {
        let label = way.label(measured.subject);
        let (median, least) = (
            measured.starts.median(&label)?,
            measured.starts.least(&label)?,
        );
        let times = [median.cpu, least.cpu, median.wall, least.wall].map(milliseconds);
        table.row(std::iter::once(label).chain(times));
    }
    Ok(table)
}

fn instructions(page: &Page) -> Result<String> {
    let Instructions { totals, bootloader } = match &page.instructions {
        Ok(instructions) => instructions,
        Err(reason) => return Ok(format!("Not counted: {reason}\n")),
    };
    let mut out = String::from(
        "Counted by callgrind, in user space, from the first instruction of the process to its last: what is left when the\n\
        machine, its load and its clock are taken away, and the system calls with them.\n\n",
    );
    let mut table = Table::new(&["hello", "million instructions"]);
    for (label, count) in totals {
        table.row([label.clone(), millions(*count)]);
    }
    table.row([
        "of the later start, in the bootloader itself".to_owned(),
        millions(*bootloader),
    ]);
    write!(out, "{table}")?;
    Ok(out)
}

fn building(page: &Page, out: &mut String) -> Result<()> {
    let built = || {
        page.measured
            .iter()
            .filter_map(|measured| Some((measured.subject.name, measured.builds.as_ref()?)))
    };
    let Some(rounds) = built().map(|(_, costs)| costs.rounds()).next() else {
        return Ok(());
    };
    writeln!(
        out,
        "## Building\n\nBoth packers make one file of the same sources with the same options. Before the first build there is \
        nothing, no\ncache either; before the third one statement is added to a source. Rounds: {rounds}.\n"
    )?;
    let mut ratios = Table::new(&["ratio, pack / PyInstaller", "CPU", "wall"]);
    let mut times = Table::new(&[
        "build",
        "CPU, median",
        "minimum",
        "wall time, median",
        "minimum",
    ]);
    for (name, costs) in built() {
        for before in Before::ALL {
            let [ours, theirs] = Packer::ALL.map(|packer| packer.column(before));
            let ratio = costs.ratio(&ours, &theirs)?;
            ratios.row([
                format!("{name}, {}", before.label()),
                share(ratio.cpu),
                share(ratio.wall),
            ]);
            for column in [ours, theirs] {
                let (median, least) = (costs.median(&column)?, costs.least(&column)?);
                let cells = [median.cpu, least.cpu, median.wall, least.wall].map(seconds);
                times.row(std::iter::once(format!("{name}: {column}")).chain(cells));
            }
        }
    }
    writeln!(out, "{ratios}\n{times}")?;
    Ok(())
}

fn sizes(page: &Page) -> Table {
    let mut table = Table::new(&[
        "program",
        "pack one file",
        "pack one folder",
        "PyInstaller one file",
        "PyInstaller one folder",
        "one file / one file",
    ]);
    for Measured { subject, sizes, .. } in &page.measured {
        let bytes = [sizes.pack, sizes.folder, sizes.one_file, sizes.one_folder].map(megabytes);
        let ratio = share(sizes.pack as f64 / sizes.one_file as f64);
        table.row(
            std::iter::once(subject.name.to_owned())
                .chain(bytes)
                .chain([ratio]),
        );
    }
    table
}

fn share(ratio: f64) -> String {
    format!("{ratio:.3}")
}

fn milliseconds(microseconds: f64) -> String {
    format!("{:.1} ms", microseconds / 1e3)
}

fn seconds(microseconds: f64) -> String {
    format!("{:.3} s", microseconds / 1e6)
}

fn millions(count: u64) -> String {
    format!("{:.2}", count as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::super::subjects::SUBJECTS;
    use super::*;

    /// Hello as if measured: every way of starting it costs so many milliseconds in each of two rounds.
    fn hello(cost: impl Fn(Way) -> [f64; 2]) -> Page {
        let subject = &SUBJECTS[0];
        let columns: Vec<(String, Vec<(f64, f64)>)> = Way::ALL
            .map(|way| {
                let rounds = cost(way).map(|cpu| (cpu * 1e3, cpu * 2e3));
                (way.label(subject), rounds.to_vec())
            })
            .to_vec();
        let columns: Vec<(&str, &[(f64, f64)])> = columns
            .iter()
            .map(|(name, rounds)| (name.as_str(), rounds.as_slice()))
            .collect();
        Page {
            is_trial: false,
            machine: vec![["processor".to_owned(), "abacus".to_owned()]],
            measured: vec![Measured {
                subject,
                starts: Costs::of(&columns),
                builds: None,
                sizes: Sizes {
                    pack: 5_000_000,
                    folder: 8_000_000,
                    one_file: 10_000_000,
                    one_folder: 20_000_000,
                },
            }],
            instructions: Err("valgrind could not be had".to_owned()),
            skipped: vec![("PyQt6", "libEGL.so.1 is missing".to_owned())],
        }
    }

    fn line<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
        let line = page.lines().find(|line| line.starts_with(start)).unwrap();
        line.split('|').map(str::trim).collect()
    }

    #[test]
    fn an_aim_that_is_missed_is_shown_as_missed() {
        let page = render(&hello(|way| match way {
            Way::PackFirst => [30.0, 30.0],
            Way::Floor => [10.0, 10.0],
            _ => [10.0, 12.0],
        }))
        .unwrap();
        let first = line(&page, "| pack, first start / `python -I -S -c pass`");
        assert_eq!(first[2..6], ["hello", "at most 2.5", "3.000", "**missed**"]);
        let later = line(&page, "| pack, later start / `python -I -S -c pass`");
        assert_eq!(later[2..6], ["hello", "at most 1.1", "1.100", "met"]);
        let python = line(&page, "| pack, later start / `python hello.py`");
        assert_eq!(python[2..6], ["hello", "below 1", "1.000", "**missed**"]);
    }

    #[test]
    fn times_are_medians_and_minima_and_what_was_left_out_is_told() {
        let text = render(&hello(|_| [10.0, 12.0])).unwrap();
        let python = line(&text, "| `python hello.py`");
        assert_eq!(python[2..6], ["11.0 ms", "10.0 ms", "22.0 ms", "20.0 ms"]);
        let sizes = line(&text, "| hello ");
        assert_eq!(
            sizes[2..7],
            ["5.0 MB", "8.0 MB", "10.0 MB", "20.0 MB", "0.500"]
        );
        assert!(text.contains("libEGL.so.1 is missing"), "{text}");
        assert!(text.contains("Not counted: valgrind could not be had"));
        assert!(text.contains("| processor | abacus |"));
        assert!(!text.contains("A trial") && !text.contains("## Building"));
    }

    #[test]
    fn instructions_and_builds_have_their_tables() {
        let mut page = hello(|_| [10.0, 10.0]);
        page.is_trial = true;
        page.instructions = Ok(Instructions {
            totals: vec![("`python -I -S -c pass`".to_owned(), 28_000_000)],
            bootloader: 250_000,
        });
        let columns = Before::ALL.map(|before| {
            Packer::ALL.map(|packer| {
                let seconds = if packer == Packer::Pack { 1e6 } else { 8e6 };
                (packer.column(before), [(seconds, seconds)])
            })
        });
        let columns: Vec<(&str, &[(f64, f64)])> = columns
            .as_flattened()
            .iter()
            .map(|(name, rounds)| (name.as_str(), rounds.as_slice()))
            .collect();
        page.measured[0].builds = Some(Costs::of(&columns));
        let text = render(&page).unwrap();
        assert_eq!(line(&text, "| of the later start")[2], "0.25");
        let ratio = line(&text, "| hello, again, one source changed");
        assert_eq!(ratio[2..4], ["0.125", "0.125"]);
        assert_eq!(line(&text, "| hello: PyInstaller, the first")[2], "8.000 s");
        assert!(text.contains("**A trial"));
    }
}
