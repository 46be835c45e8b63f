//! What proxies say of the client that they forward for, believed where the operator trusts them.
//!
//! Either the `X-Forwarded-*` fields are read or `Forwarded` (RFC 7239), never both: a proxy that sets the one passes on
//! what a client made up in the other. Of a list, the part that trusted proxies have written is its end: the client is the
//! last address that is not one of theirs. All else is what the proxy next to us says, so the last value counts.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use payload::Wsgi;

use super::exchange::{Fields, NO_ADDRESS, Request};
use super::transport::head::is_host;

/// The word of `proxy-headers` for RFC 7239.
const STANDARD: &str = "forwarded";

/// The word of `trusted-proxies` for whoever connects to a Unix socket, which its permissions guard.
const UNIX: &str = "unix";

/// The proxies that are trusted.
#[derive(Debug, Default)]
pub(crate) struct Trusted {
    networks: Vec<IpNet>,
    /// Who connects to a Unix socket.
    unix: bool,
    standard: bool,
}

/// What the request was, where it came from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// `http` or `https`
    pub scheme: Option<&'static str>,
    /// Host, as of a Host field.
    pub host: Option<String>,
    /// Port of the server.
    pub port: Option<u16>,
    /// Path that the proxy took away.
    pub prefix: Option<String>,
}

impl Trusted {
    /// The proxies that `settings` name.
    ///
    /// # Errors
    /// What is neither an address nor a network, in words.
    pub(crate) fn new(settings: &Wsgi) -> Result<Self, String> {
        let given = settings.trusted_proxies.as_deref().unwrap_or_default();
        let network = |text: &str| {
            let address = || text.parse::<IpAddr>().map(IpNet::from).ok();
            text.parse::<IpNet>().ok().or_else(address).ok_or_else(|| {
                format!("`trusted-proxies`: `{text}` is neither an address nor a network, such as 10.0.0.0/8, nor `unix`")
            })
        };
        let words = given.split([',', ' ']).filter(|word| !word.is_empty());
        let (unix, networks): (Vec<&str>, Vec<&str>) = words.partition(|word| *word == UNIX);
        let networks = networks.into_iter().map(network);
        Ok(Self {
            networks: networks.collect::<Result<_, _>>()?,
            unix: !unix.is_empty(),
            standard: settings.proxy_headers.as_deref() == Some(STANDARD),
        })
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Puts the client in the place of the proxy, if it comes from one.
    pub(crate) fn apply(&self, request: &mut Request<'_>) {
        let is_trusted = match request.peer {
            NO_ADDRESS => self.unix,
            peer => self.trusts(peer.ip()),
        };
        if !is_trusted {
            return;
        }
        let (clients, forwarded) = if self.standard {
            standard(&request.fields)
        } else {
            common(&request.fields)
        };
        request.forwarded = forwarded;
        // From the nearest one on.
        for client in clients.into_iter().rev() {
            let Some(client) = client else { break };
            request.peer = client;
            if !self.trusts(client.ip()) {
                break;
            }
        }
    }
}

type Seen = (Vec<Option<SocketAddr>>, Forwarded);

fn values<'a>(fields: &Fields<'a>, wanted: &str) -> impl Iterator<Item = &'a str> {
    let wanted = wanted.as_bytes().to_vec();
    let of_name = move |(name, value): (&'a [u8], &'a [u8])| {
        // What is no text is no value that we know.
        name.eq_ignore_ascii_case(&wanted)
            .then(|| std::str::from_utf8(value).unwrap_or("?"))
    };
    fields.iter().filter_map(of_name)
}

/// `X-Forwarded-*`
fn common(fields: &Fields<'_>) -> Seen {
    let last = |name: &str| {
        let value = values(fields, name).last()?;
        value.rsplit(',').next().map(str::trim)
    };
    let host = last("x-forwarded-host").and_then(checked_host);
    let port = last("x-forwarded-port").and_then(|port| port.parse().ok());
    let clients = values(fields, "x-forwarded-for")
        .flat_map(|value| value.split(','))
        .map(address)
        .collect();
    let forwarded = Forwarded {
        scheme: last("x-forwarded-proto").and_then(scheme),
        port: port.or_else(|| port_of(host.as_deref()?)),
        host,
        prefix: last("x-forwarded-prefix").and_then(prefix),
    };
    (clients, forwarded)
}

/// `Forwarded`
fn standard(fields: &Fields<'_>) -> Seen {
    let mut clients = Vec::new();
    let mut forwarded = Forwarded::default();
    for element in values(fields, "forwarded").flat_map(|value| unquoted(value, ',')) {
        let mut client = None;
        forwarded = Forwarded::default();
        for pair in unquoted(element, ';') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = value.trim();
            let value = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .unwrap_or(value);
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => client = address(value),
                "proto" => forwarded.scheme = scheme(value),
                "host" => {
                    forwarded.host = checked_host(value);
                    forwarded.port = forwarded.host.as_deref().and_then(port_of);
                }
                _ => {}
            }
        }
        clients.push(client);
    }
    (clients, forwarded)
}

/// The parts of `text` between separators that are not quoted.
fn unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

/// An address, with a port or without.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let alone = bare.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 0));
    alone.or_else(|| text.parse().ok())
}

fn scheme(text: &str) -> Option<&'static str> {
    ["http", "https"]
        .into_iter()
        .find(|scheme| scheme.eq_ignore_ascii_case(text))
}

fn checked_host(text: &str) -> Option<String> {
    (!text.is_empty() && is_host(text.as_bytes())).then(|| text.to_owned())
}

fn port_of(host: &str) -> Option<u16> {
    let (_, port) = host.rsplit_once(':')?;
    port.parse().ok()
}

/// A path, without its last slash.
fn prefix(text: &str) -> Option<String> {
    let is_right = |byte: u8| byte.is_ascii_graphic() && !b"?#\\%\"<>".contains(&byte);
    let right = text.starts_with('/') && text.bytes().all(is_right) && !text.contains("//");
    right.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(
                address(text),
                expect.map(|text| text.parse().unwrap()),
                "{text}"
            );
        };
        check(" 192.0.2.1 ", Some("192.0.2.1:0"));
        check("192.0.2.1:47", Some("192.0.2.1:47"));
        check("2001:db8::1", Some("[2001:db8::1]:0"));
        check("[2001:db8::1]", Some("[2001:db8::1]:0"));
        check("[2001:db8::1]:47", Some("[2001:db8::1]:47"));
        for text in [
            "",
            "unknown",
            "_hidden",
            "192.0.2",
            "1.2.3.4:99999",
            "[::1",
            "?",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn parts_and_paths() {
        let parts: Vec<&str> = unquoted(r#"for="a,b";x=1,for=c"#, ',').collect();
        assert_eq!(parts, [r#"for="a,b";x=1"#, "for=c"]);
        assert_eq!(unquoted("a;\"b;", ';').count(), 2);
        let check = |text, expect: Option<&str>| assert_eq!(prefix(text).as_deref(), expect);
        check("/shop", Some("/shop"));
        check("/shop/", Some("/shop"));
        check("/", Some(""));
        for text in [
            "", "shop", "//evil", "/a//b", "/a?b", "/a b", "/%2e", "/a\\b",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn networks() {
        let trusted = |text: &str| {
            Trusted::new(&Wsgi {
                trusted_proxies: Some(text.into()),
                ..Wsgi::default()
            })
        };
        let some = trusted("10.0.0.0/8, ::1,192.0.2.7").unwrap();
        let trusts = |text: &str| some.trusts(text.parse().unwrap());
        assert!(trusts("10.1.2.3") && trusts("::1") && trusts("192.0.2.7"));
        assert!(trusts("::ffff:10.1.2.3"));
        assert!(!trusts("11.0.0.1") && !trusts("192.0.2.8") && !trusts("::2"));
        assert!(trusted("10.0.0.0/33").is_err());
        assert!(trusted("proxy.example").is_err());
        assert!(trusted("").unwrap().networks.is_empty());
    }
}
