//! What Explorer, the window and the taskbar will show of a program, and why.

mod executable;
mod sources;
mod window;

pub use window::{Inside, OwnSource};

use crate::sign::SignatureError;
use serde::Serialize;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// The icon of the file.
    Explorer,
    /// The icon in the title bar.
    Window,
    /// What the taskbar shows and groups.
    Taskbar,
    /// Version and name.
    Properties,
    /// What happens when it is started.
    Start,
    /// Who has signed it.
    Signature,
}

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Somebody will ask why.
    Trouble,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// How good it is.
    pub verdict: Verdict,
    /// What is so.
    pub text: String,
    /// What to do about it; empty where there is nothing.
    pub advice: String,
}

impl Finding {
    fn new(topic: Topic, verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            topic,
            verdict,
            text: text.into(),
            advice: String::new(),
        }
    }

    fn good(topic: Topic, text: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Good, text)
    }

    fn note(topic: Topic, text: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Note, text)
    }

    fn trouble(topic: Topic, text: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Trouble, text)
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

/// Everything that is found in `file`, by topic. `inside` is what is packed in it, if `pack` has made it.
#[must_use]
pub fn examine(file: &[u8], inside: Option<&Inside>) -> Vec<Finding> {
    let windows = crate::pe::is_pe(file);
    let mut findings = Vec::new();
    if windows {
        findings.extend(executable::examine(file, inside));
    } else {
        let text =
            "the program is not for Windows: its file has no icon, whatever the settings say";
        findings.push(Finding::note(Topic::Explorer, text));
    }
    if let Some(inside) = inside {
        findings.extend(window::examine(inside, windows));
    }
    findings.sort_by_key(|finding| finding.topic);
    findings
}

fn of_signature(found: Result<Option<crate::sign::Signature>, SignatureError>) -> Finding {
    let topic = Topic::Signature;
    match found {
        Ok(Some(signature)) if signature.time_stamped => {
            Finding::good(topic, signature.to_string())
        }
        Ok(Some(signature)) => Finding::note(topic, signature.to_string()).advise(
            "without a time stamp the signature ends with the certificate: `--sign-timestamp URL`",
        ),
        Ok(None) => Finding::note(
            topic,
            "it is not signed: Windows warns of an unknown publisher when it was downloaded",
        )
        .advise("`pack build --sign FILE` signs it"),
        Err(error) => Finding::trouble(topic, error.to_string()).advise("build and sign it again"),
    }
}

#[cfg(test)]
mod tests;
