//! `cargo xtask demo`: the guestbook, from its sources to a signed page, on a machine with Rust and Python.

use crate::setup::{self, megabytes, step};
use crate::{dist, http};
use anyhow::{Context, Result, bail, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SIGNATURE: &str = "name=Ada&message=Packed+with+%60pack%60";

/// Builds `pack`, packs samples/guestbook, starts the result in an empty environment, signs it, and says where it is.
///
/// # Errors
/// When any of that fails.
pub(crate) fn run() -> Result<()> {
    let folder = setup::target().join("demo");
    let pack = dist::build()?;
    let (guestbook, build) = pack_guestbook(&pack, &folder)?;
    let data = folder.join("data");
    if data.exists() {
        std::fs::remove_dir_all(&data)
            .with_context(|| format!("could not clear {}", data.display()))?;
    }
    let address = http::free_address()?;

    step("starting it in an empty environment");
    let (mut server, first) = start(&guestbook, &data, address)?;
    let signed = sign(address);
    stop(&mut server)?;
    let page = signed?;
    let (mut server, later) = start(&guestbook, &data, address)?;
    let kept = http::request(address, "/", None);
    stop(&mut server)?;
    ensure!(
        kept?.body.contains("<b>Ada</b>"),
        "the entry was gone after a restart"
    );

    show_page(&page);
    let size = std::fs::metadata(&guestbook)?.len();
    println!("\n    build        {:.1} s", build.as_secs_f64());
    println!("    size         {}", megabytes(size));
    println!(
        "    first start  {} ms until it accepted connections (unpacks once)",
        first.as_millis()
    );
    println!("    later start  {} ms", later.as_millis());
    println!("\nThe program is {}", guestbook.display());
    println!("Run it here or copy it to any Linux machine, with or without Python:\n");
    println!("    {} --bind 127.0.0.1:8000", guestbook.display());
    println!("\nthen open http://127.0.0.1:8000");
    Ok(())
}

/// The packed guestbook and how long packing took.
fn pack_guestbook(pack: &Path, folder: &Path) -> Result<(PathBuf, Duration)> {
    let sample = setup::root().join("samples/guestbook");
    step("a virtual environment with what samples/guestbook requires");
    let requirements = sample.join("requirements.txt");
    let requirements = requirements
        .to_str()
        .context("the workspace's path is not UTF-8")?;
    let python = setup::venv(
        &folder.join("venv"),
        &setup::python()?,
        &["-r", requirements],
    )?;
    step("packing samples/guestbook");
    let begin = Instant::now();
    setup::run(
        Command::new(pack)
            .arg("build")
            .arg("--python")
            .arg(python)
            .arg("--distpath")
            .arg(folder)
            .arg("--noconfirm")
            .current_dir(sample),
    )?;
    Ok((folder.join("guestbook"), begin.elapsed()))
}

/// Starts the server with nothing but GUESTBOOK_DATA in its environment.
fn start(guestbook: &Path, data: &Path, address: SocketAddr) -> Result<(Child, Duration)> {
    let mut server = Command::new(guestbook)
        .args(["--bind", &address.to_string()])
        .env_clear()
        .env("GUESTBOOK_DATA", data)
        .current_dir("/")
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("could not start {}", guestbook.display()))?;
    match http::wait_for(address) {
        Ok(took) => Ok((server, took)),
        Err(error) => {
            server.kill().ok();
            let status = server.wait()?;
            Err(error.context(format!("the packed guestbook did not come up: {status}")))
        }
    }
}

/// Stops the server the way a service manager does.
fn stop(server: &mut Child) -> Result<()> {
    setup::run(Command::new("kill").args(["-TERM", &server.id().to_string()]))?;
    let status = server.wait()?;
    ensure!(
        status.success(),
        "the guestbook ended with {status} after SIGTERM"
    );
    Ok(())
}

/// Signs the guestbook and returns its page.
fn sign(address: SocketAddr) -> Result<String> {
    let answer = http::request(address, "/sign", Some(SIGNATURE))?;
    ensure!(
        answer.status == 303,
        "signing was answered with {}:\n{}",
        answer.status,
        answer.body
    );
    let page = http::request(address, "/", None)?;
    if page.status != 200 || !page.body.contains("<b>Ada</b>") {
        bail!(
            "the page does not show the entry (status {}):\n{}",
            page.status,
            page.body
        );
    }
    Ok(page.body)
}

fn show_page(page: &str) {
    step("GET / after signing");
    let wanted = ["<title>", "motto", "<h2>", "<li"];
    page.lines()
        .filter(|line| wanted.iter().any(|word| line.contains(word)))
        .for_each(|line| println!("    {}", line.trim()));
}
