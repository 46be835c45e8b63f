//! Shows the site in the browser of whoever has started the server.

use super::log;

/// Shows `url`, where there is one. That it cannot be shown is told in one line, and changes nothing; `waits`: a thread may
/// wait for what shows it, to tell that, too.
pub(super) fn show(url: Option<&str>, waits: bool) {
    let Some(url) = url else {
        log::line("warning: `open` shows nothing, as no browser opens a Unix socket");
        return;
    };
    let shown = platform::process::show(url);
    let url = url.to_owned();
    let cannot = move |why: String| {
        log::line(&format!(
            "warning: no browser could be started ({why}); open {url} yourself"
        ));
    };
    match shown {
        Ok(Some(mut helper)) if waits => {
            let waiting = std::thread::Builder::new().name("browser".into());
            // Without the thread nothing is told.
            let _ = waiting.spawn(move || match helper.wait() {
                Ok(status) if status.success() => {}
                Ok(status) => cannot(format!("what should start one ended: {status}")),
                Err(error) => cannot(error.to_string()),
            });
        }
        Ok(_) => {}
        Err(error) => cannot(error.to_string()),
    }
}
