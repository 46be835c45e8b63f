//! How a WSGI application is served, and every setting of it once.
//!
//! The packer's settings file, its command line and the command line of the packed program are all made from
//! [`SETTINGS`], so they cannot disagree.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// How a WSGI application is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wsgi {
    /// Dotted module name.
    pub module: String,
    /// Dotted attribute path of the callable; a trailing `()` calls a factory.
    pub callable: String,
    /// `HOST:PORT` or `unix:PATH`, at least one.
    pub bind: Vec<String>,
    /// Permissions of Unix sockets; 0 for those of the umask.
    pub socket_mode: u32,
    /// Python threads per interpreter.
    pub threads: u32,
    /// Worker processes.
    pub processes: u32,
    /// What threads share.
    pub gil: Gil,
    /// Interpreters of a process, where each has a GIL of its own.
    pub interpreters: u32,
    /// `sys.setswitchinterval`; `None` leaves CPython's own.
    pub switch_interval: Option<SwitchInterval>,
    /// Show the site in a browser once it is served.
    pub open: bool,
    /// Seconds a stop waits for requests under way.
    pub graceful_timeout: u32,
    /// Write a line per request to stderr.
    pub access_log: bool,
    /// What such a line looks like: `combined`, which `None` stands for, too, or `json`.
    pub access_log_format: Option<String>,
    /// A file for the lines, in the place of stderr.
    pub access_log_file: Option<String>,
    /// A file with the server's certificate and those that lead to an authority, in PEM form: TLS is spoken.
    pub tls_certificate: Option<String>,
    /// A file with its key; `None`: it stands in the certificate's.
    pub tls_key: Option<String>,
    /// Speak HTTP/2, too.
    pub http2: bool,
    /// Compress responses for clients that ask for it.
    pub compress: bool,
    /// Bytes of a body that are worth it.
    pub compress_min_size: u64,
    /// Addresses and networks of proxies that are believed, separated by commas.
    pub trusted_proxies: Option<String>,
    /// Which of their fields: `x-forwarded`, which `None` stands for, too, or `forwarded`.
    pub proxy_headers: Option<String>,
    /// Folders served without the application, by URL prefix; relative ones lie in the bundle.
    #[serde(rename = "static")]
    pub statics: Vec<(String, String)>,
    /// Seconds that clients may keep such files without asking.
    pub static_max_age: u32,
    /// Bytes of a request's head.
    pub max_header_size: u64,
    /// Header fields of a request.
    pub max_header_count: u32,
    /// Bytes of a request's body.
    pub max_body_size: u64,
    /// Seconds from a head's first byte to its last.
    pub head_timeout: u32,
    /// Seconds between two requests of a connection.
    pub keep_alive_timeout: u32,
    /// Seconds between two pieces of a request's body.
    pub body_timeout: u32,
    /// Seconds for a client that does not read.
    pub send_timeout: u32,
    /// Seconds that a request may take in the application; 0 for ever.
    pub request_timeout: u32,
    /// Seconds until `RequestTimeout` is raised in its thread; 0 for never.
    pub interrupt_timeout: u32,
    /// Requests that wait for a thread.
    pub queue_limit: u32,
    /// Seconds one of them may; 0 for ever.
    pub queue_timeout: u32,
    /// Connections; 0 for as many as there may be open files.
    pub max_connections: u32,
    /// Run the worker under a supervisor even when there is only one.
    pub supervise: bool,
    /// Requests after which a worker is replaced; 0 for no limit.
    pub max_requests: u64,
    /// Up to so many requests more, chosen for each worker.
    pub max_requests_jitter: u64,
    /// Bytes of memory above which a worker is replaced; 0 for no limit.
    pub max_memory: u64,
    /// Seconds after which a worker is replaced; 0 for never.
    pub restart_interval: u32,
    /// Seconds that a worker has to import the application.
    pub startup_timeout: u32,
    /// Seconds without a turn at the GIL after which a worker is killed and replaced; 0 for never.
    pub deadlock_timeout: u32,
    /// `HOST:PORT` of the admin listener.
    pub admin: Option<String>,
    /// What its clients must know.
    pub admin_token: Option<String>,
}

impl Default for Wsgi {
    /// No application; one process, four threads, at 127.0.0.1:8000.
    fn default() -> Self {
        Self {
            module: String::new(),
            callable: String::new(),
            bind: vec!["127.0.0.1:8000".into()],
            socket_mode: 0,
            threads: 4,
            processes: 1,
            gil: Gil::Shared,
            interpreters: 2,
            switch_interval: None,
            open: false,
            graceful_timeout: 30,
            access_log: true,
            access_log_format: None,
            access_log_file: None,
            tls_certificate: None,
            tls_key: None,
            http2: true,
            compress: false,
            compress_min_size: 1 << 10,
            trusted_proxies: None,
            proxy_headers: None,
            statics: Vec::new(),
            static_max_age: 0,
            max_header_size: 64 << 10,
            max_header_count: 100,
            max_body_size: 1 << 30,
            head_timeout: 20,
            keep_alive_timeout: 75,
            body_timeout: 60,
            send_timeout: 60,
            request_timeout: 0,
            interrupt_timeout: 0,
            queue_limit: 4096,
            queue_timeout: 0,
            max_connections: 0,
            supervise: false,
            max_requests: 0,
            max_requests_jitter: 0,
            max_memory: 0,
            restart_interval: 0,
            startup_timeout: 60,
            deadlock_timeout: 60,
            admin: None,
            admin_token: None,
        }
    }
}

impl Wsgi {
    /// Whether a supervisor is wanted, which starts the workers and replaces them.
    #[must_use]
    pub fn is_supervised(&self) -> bool {
        self.supervise
            || self.processes > 1
            || self.max_requests > 0
            || self.max_memory > 0
            || self.restart_interval > 0
    }
}

/// What the threads of a server share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gil {
    /// One interpreter and its GIL.
    #[default]
    Shared,
    /// Each of several interpreters has a GIL of its own (PEP 684).
    PerInterpreter,
    /// One interpreter without a GIL (PEP 703).
    Free,
}

impl Gil {
    /// As settings call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::PerInterpreter => "per-interpreter",
            Self::Free => "free",
        }
    }

    /// What settings call so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Shared, Self::PerInterpreter, Self::Free]
            .into_iter()
            .find(|gil| gil.name() == name)
    }
}

/// How often the GIL changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwitchInterval {
    /// Microseconds.
    Fixed(u32),
    /// As a controller decides, from what it measures.
    Auto,
}

/// One setting of a server.
#[derive(Debug)]
pub struct Setting {
    /// `max-body-size`: `[wsgi] max-body-size` in pack.toml, `--max-body-size` on a command line.
    pub name: &'static str,
    /// What a value of it looks like.
    pub kind: Kind,
    /// What follows the option, in the help.
    pub value: &'static str,
    /// One line, without a full stop.
    pub help: &'static str,
    /// Its place.
    field: fn(&mut Wsgi) -> Field<'_>,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number, bounds included.
    Whole(u64, u64),
    /// Permissions in octal digits, such as `660`; 0 for none.
    Mode,
    /// Bytes, such as `64K`, `1M` or `2G`, bounds included.
    Size(u64, u64),
    /// Yes or no: `--name` and `--no-name`.
    Truth,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Seconds, or `auto`.
    Interval,
    /// Addresses and networks, separated by commas.
    Networks,
    /// Any text that is not empty.
    Text,
}

/// Where a value goes.
enum Field<'a> {
    Small(&'a mut u32),
    Large(&'a mut u64),
    Truth(&'a mut bool),
    Gil(&'a mut Gil),
    Interval(&'a mut Option<SwitchInterval>),
    Text(&'a mut Option<String>),
}

const DAY: u64 = 86_400;

macro_rules! setting {
    ($name:literal, $kind:expr, $value:literal, $field:ident: $variant:ident, $help:literal) => {
        Setting {
            name: $name,
            kind: $kind,
            value: $value,
            help: $help,
            field: |wsgi| Field::$variant(&mut wsgi.$field),
        }
    };
}

/// Every setting but the application and its addresses, in the order of the help.
#[rustfmt::skip]
pub static SETTINGS: &[Setting] = &[
    setting!("socket-mode", Kind::Mode, "OCTAL", socket_mode: Small, "Permissions of Unix sockets, such as 660"),
    setting!("threads", Kind::Whole(1, 1024), "N", threads: Small, "Python threads per interpreter"),
    setting!("processes", Kind::Whole(1, 256), "N", processes: Small, "Worker processes"),
    setting!("gil", Kind::OneOf(&["shared", "per-interpreter", "free"]), "MODE", gil: Gil, "GIL: shared, per-interpreter or free"),
    setting!("interpreters", Kind::Whole(1, 256), "N", interpreters: Small, "Interpreters per process, with a GIL each"),
    setting!("switch-interval", Kind::Interval, "SECONDS", switch_interval: Interval, "How often the GIL changes hands, or `auto`"),
    setting!("open", Kind::Truth, "", open: Truth, "Show the site in a browser once it is served"),
    setting!("graceful-timeout", Kind::Whole(0, DAY), "SECONDS", graceful_timeout: Small, "How long a stop waits for requests under way"),
    setting!("access-log", Kind::Truth, "", access_log: Truth, "Write a line per request to stderr"),
    setting!("access-log-format", Kind::OneOf(&["combined", "json"]), "FORMAT", access_log_format: Text, "Lines of the access log: combined, as Apache writes them, or json"),
    setting!("access-log-file", Kind::Text, "FILE", access_log_file: Text, "Append the access log to a file in the place of stderr"),
    setting!("tls-certificate", Kind::Text, "FILE", tls_certificate: Text, "Speak HTTPS, with this certificate and its chain (PEM)"),
    setting!("tls-key", Kind::Text, "FILE", tls_key: Text, "The certificate's private key (PEM), where it is not in that file"),
    setting!("http2", Kind::Truth, "", http2: Truth, "Speak HTTP/2 with clients that choose it"),
    setting!("compress", Kind::Truth, "", compress: Truth, "Compress responses (zstd, gzip) for clients that ask for it"),
    setting!("compress-min-size", Kind::Size(1, 1 << 30), "BYTES", compress_min_size: Large, "Smallest body that is worth it"),
    setting!("trusted-proxies", Kind::Networks, "ADDRESSES", trusted_proxies: Text, "Proxies to be believed: addresses or networks, by commas"),
    setting!("proxy-headers", Kind::OneOf(&["x-forwarded", "forwarded"]), "KIND", proxy_headers: Text, "What they set: x-forwarded (-For, -Proto …) or forwarded (RFC 7239)"),
    setting!("static-max-age", Kind::Whole(0, 366 * DAY), "SECONDS", static_max_age: Small, "How long clients keep static files unasked"),
    setting!("max-header-size", Kind::Size(1 << 10, 16 << 20), "BYTES", max_header_size: Large, "Largest head of a request"),
    setting!("max-header-count", Kind::Whole(1, 10_000), "N", max_header_count: Small, "Most header fields of a request"),
    setting!("max-body-size", Kind::Size(0, 1 << 50), "BYTES", max_body_size: Large, "Largest body of a request"),
    setting!("head-timeout", Kind::Whole(1, DAY), "SECONDS", head_timeout: Small, "How long a request's head may take"),
    setting!("keep-alive-timeout", Kind::Whole(1, DAY), "SECONDS", keep_alive_timeout: Small, "How long a connection may be idle"),
    setting!("body-timeout", Kind::Whole(1, DAY), "SECONDS", body_timeout: Small, "How long a client may send nothing of a body"),
    setting!("send-timeout", Kind::Whole(1, DAY), "SECONDS", send_timeout: Small, "How long a client may take nothing of a response"),
    setting!("request-timeout", Kind::Whole(0, DAY), "SECONDS", request_timeout: Small, "How long the application may take; 0 for ever"),
    setting!("interrupt-timeout", Kind::Whole(0, DAY), "SECONDS", interrupt_timeout: Small, "Raise RequestTimeout in it after so long; 0 for never"),
    setting!("queue-limit", Kind::Whole(1, 1_000_000), "N", queue_limit: Small, "Most requests that wait for a thread"),
    setting!("queue-timeout", Kind::Whole(0, DAY), "SECONDS", queue_timeout: Small, "How long one may wait; 0 for ever"),
    setting!("max-connections", Kind::Whole(0, 1_000_000), "N", max_connections: Small, "Most connections; 0 for what open files allow"),
    setting!("supervise", Kind::Truth, "", supervise: Truth, "Replace a worker that ends, even a single one"),
    setting!("max-requests", Kind::Whole(0, 1 << 50), "N", max_requests: Large, "Replace a worker after so many requests; 0 for never"),
    setting!("max-requests-jitter", Kind::Whole(0, 1 << 50), "N", max_requests_jitter: Large, "Up to so many more, by chance"),
    setting!("max-memory", Kind::Size(0, 1 << 50), "BYTES", max_memory: Large, "Replace a worker that takes more memory; 0 for never"),
    setting!("restart-interval", Kind::Whole(0, 365 * DAY), "SECONDS", restart_interval: Small, "Replace a worker of this age; 0 for never"),
    setting!("startup-timeout", Kind::Whole(1, DAY), "SECONDS", startup_timeout: Small, "How long a worker may take to start"),
    setting!("deadlock-timeout", Kind::Whole(0, DAY), "SECONDS", deadlock_timeout: Small, "Replace a worker that runs no Python for so long; 0 for never"),
    setting!("admin", Kind::Text, "HOST:PORT", admin: Text, "Serve metrics and a live page there"),
    setting!("admin-token", Kind::Text, "TOKEN", admin_token: Text, "What clients of it must know"),
];

impl Setting {
    /// The one called `name`.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// Puts the value that `text` stands for into `wsgi`.
    ///
    /// # Errors
    /// What would have been right, to complete "must be …".
    pub fn read(&self, text: &str, wsgi: &mut Wsgi) -> Result<(), String> {
        let wrong = || self.kind.expected();
        match ((self.field)(wsgi), self.kind) {
            (Field::Small(place), kind) => {
                let number = kind.number(text).ok_or_else(wrong)?;
                *place = u32::try_from(number).map_err(|_| wrong())?;
            }
            (Field::Large(place), kind) => *place = kind.number(text).ok_or_else(wrong)?,
            (Field::Truth(place), _) => *place = truth(text).ok_or_else(wrong)?,
            (Field::Gil(place), _) => *place = Gil::named(text).ok_or_else(wrong)?,
            (Field::Interval(place), _) => *place = Some(interval(text).ok_or_else(wrong)?),
            (Field::Text(_), Kind::OneOf(words)) if !words.contains(&text) => return Err(wrong()),
            (Field::Text(_), Kind::Networks) if !is_networks(text) => return Err(wrong()),
            (Field::Text(_), _) if text.is_empty() => return Err(wrong()),
            (Field::Text(place), _) => *place = Some(text.to_owned()),
        }
        Ok(())
    }

    /// Its value in `wsgi`, as [`Setting::read`] takes it; `None` where nothing is set.
    #[must_use]
    pub fn show(&self, wsgi: &Wsgi) -> Option<String> {
        let mut wsgi = wsgi.clone();
        match ((self.field)(&mut wsgi), self.kind) {
            (Field::Small(mode), Kind::Mode) => Some(format!("{mode:o}")),
            (Field::Small(number), _) => Some(number.to_string()),
            (Field::Large(number), Kind::Size(..)) => Some(size(*number)),
            (Field::Large(number), _) => Some(number.to_string()),
            (Field::Truth(truth), _) => Some(truth.to_string()),
            (Field::Gil(gil), _) => Some(gil.name().to_owned()),
            (Field::Interval(interval), _) => interval.map(|interval| match interval {
                SwitchInterval::Auto => "auto".to_owned(),
                SwitchInterval::Fixed(microseconds) => (f64::from(microseconds) / 1e6).to_string(),
            }),
            (Field::Text(text), _) => text.clone(),
        }
    }
}

impl Kind {
    /// What is right, to complete "must be …".
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Size(min, max) => {
                format!(
                    "a size from {} to {}, such as 64K or 1G",
                    size(min),
                    size(max)
                )
            }
            Self::Mode => "permissions in octal digits, such as 660".to_owned(),
            Self::Truth => "true or false".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Interval => "a number of seconds above 0 and at most 3600, or `auto`".to_owned(),
            Self::Networks => {
                "addresses or networks, such as 10.0.0.0/8, or `unix`, separated by commas"
                    .to_owned()
            }
            Self::Text => "a text that is not empty".to_owned(),
        }
    }

    /// The number that `text` stands for, if it is within the bounds of a kind that has numbers.
    #[must_use]
    pub fn number(self, text: &str) -> Option<u64> {
        let (number, min, max) = match self {
            Self::Whole(min, max) => (text.parse().ok()?, min, max),
            Self::Size(min, max) => (bytes(text)?, min, max),
            Self::Mode => (u64::from_str_radix(text, 8).ok()?, 0, 0o777),
            _ => return None,
        };
        (min..=max).contains(&number).then_some(number)
    }
}

const UNITS: [(char, u32); 4] = [('T', 40), ('G', 30), ('M', 20), ('K', 10)];

/// `64K`, `64k`, `64KiB` or `65536` as bytes.
fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_uppercase();
    let text = text
        .strip_suffix("IB")
        .or(text.strip_suffix('B'))
        .unwrap_or(&text);
    let unit = UNITS
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(*unit)?, *shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Bytes as [`bytes`] reads them.
fn size(bytes: u64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    match unit {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn interval(text: &str) -> Option<SwitchInterval> {
    if text == "auto" {
        return Some(SwitchInterval::Auto);
    }
    let seconds: f64 = text.parse().ok()?;
    // A microsecond is the smallest step that CPython knows.
    (1e-6..=3600.0).contains(&seconds).then(|| {
        // In the range, by the line above.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        SwitchInterval::Fixed((seconds * 1e6).round() as u32)
    })
}

/// Whether `text` is a list of what `trusted-proxies` may hold.
fn is_networks(text: &str) -> bool {
    let mut words = text
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .peekable();
    words.peek().is_some() && words.all(|word| word == "unix" || is_network(word))
}

/// `10.0.0.0/8`, or an address alone.
fn is_network(word: &str) -> bool {
    let (address, prefix) = match word.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (word, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| prefix.parse::<u8>().is_ok_and(|prefix| prefix <= longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Option<String> {
        let setting = Setting::find(name)?;
        let mut wsgi = Wsgi::default();
        setting.read(text, &mut wsgi).ok()?;
        setting.show(&wsgi)
    }

    #[test]
    fn values_are_read_and_shown() {
        let check = |name, text, shown: Option<&str>| {
            assert_eq!(read(name, text).as_deref(), shown, "{name} {text}");
        };
        check("threads", "8", Some("8"));
        check("threads", "0", None);
        check("threads", "1025", None);
        check("threads", "x", None);
        check("max-body-size", "64k", Some("64K"));
        check("max-body-size", "1GiB", Some("1G"));
        check("max-body-size", "65537", Some("65537"));
        check("max-body-size", "99999999T", None);
        check("max-header-size", "10", None);
        check("socket-mode", "660", Some("660"));
        check("socket-mode", "0o660", None);
        check("socket-mode", "1777", None);
        check("socket-mode", "980", None);
        check("gil", "free", Some("free"));
        check("gil", "none", None);
        check("switch-interval", "auto", Some("auto"));
        check("switch-interval", "0.0005", Some("0.0005"));
        check("switch-interval", "-1", None);
        check("switch-interval", "NaN", None);
        check("access-log", "no", Some("false"));
        check("admin", "", None);
        let proxies = "127.0.0.1, 10.0.0.0/8 unix,fd00::/8";
        check("trusted-proxies", proxies, Some(proxies));
        for wrong in [
            "",
            ",",
            "proxy.example",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "1.2.3",
        ] {
            check("trusted-proxies", wrong, None);
        }
        check("admin", "[::1]:9000", Some("[::1]:9000"));
    }

    #[test]
    fn every_default_is_a_value() {
        let wsgi = Wsgi::default();
        for setting in SETTINGS {
            if let Some(shown) = setting.show(&wsgi) {
                let mut again = wsgi.clone();
                assert_eq!(setting.read(&shown, &mut again), Ok(()), "{}", setting.name);
                assert_eq!(again, wsgi, "{}", setting.name);
            }
        }
    }

    #[test]
    fn names_are_those_of_the_fields() {
        let json = serde_json::to_value(Wsgi::default()).unwrap_or_default();
        for setting in SETTINGS {
            let field = setting.name.replace('-', "_");
            assert!(json.get(&field).is_some(), "{field}");
        }
    }
}
