//! What the admin listener answers.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::guard::{Guard, parameter};
use super::live::Live;
use crate::wsgi::telemetry::{AUTO, Interval, Memory, State, Word, json as figures, prometheus};

/// The live page, whole: it loads nothing but figures.
const PAGE: &str = include_str!("../../../../templates/live.html");
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// Bytes of what is posted.
const LARGEST: usize = 4096;

// The page may show what clients sent (paths): nothing from elsewhere runs in it, and it stands in no frame, where
// another page could make its user click.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What there is to show.
#[derive(Debug)]
pub(super) struct Routes {
    /// Who may ask.
    pub guard: Guard,
    /// For the page.
    pub live: Live,
    /// The figures.
    pub memory: Memory,
}

type Answer = Response<Full<Bytes>>;

impl Routes {
    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        // Monitors that only ask whether the server lives need no rights; they learn nothing else.
        if let Some(answer) = self.health(path) {
            return Ok(answer);
        }
        if let Err(denied) = self.guard.check(&head) {
            let (status, reason) = denied.answer();
            return Ok(text(status, reason));
        }
        let wanted = if path == "/switch-interval" {
            Method::POST
        } else {
            Method::GET
        };
        if head.method != wanted && !(wanted == Method::GET && head.method == Method::HEAD) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "another method is wanted");
            if let Ok(wanted) = HeaderValue::from_str(wanted.as_str()) {
                answer.headers_mut().insert(ALLOW, wanted);
            }
            return Ok(answer);
        }
        let query = |name| parameter(head.uri.query().unwrap_or(""), name);
        Ok(match path {
            "/" => answer(StatusCode::OK, HTML, PAGE),
            "/metrics" => answer(
                StatusCode::OK,
                prometheus::CONTENT_TYPE,
                prometheus::text(&self.memory),
            ),
            "/metrics.json" => {
                let buckets = query("buckets").is_some_and(|value| value == b"1");
                value(StatusCode::OK, &figures::metrics(&self.memory, buckets))
            }
            "/live.json" => {
                let after = query("after").and_then(|value| String::from_utf8(value).ok());
                let after = after.and_then(|value| value.parse().ok()).unwrap_or(0);
                value(StatusCode::OK, &self.live.since(after))
            }
            "/switch-interval" => {
                let body = Limited::new(body, LARGEST).collect().await;
                let body = body.map_or_else(|_| Bytes::new(), Collected::to_bytes);
                match self.set_interval(&body) {
                    Ok(set) => value(StatusCode::OK, &set),
                    Err((status, reason)) => value(status, &json!({ "error": reason })),
                }
            }
            _ => text(
                StatusCode::NOT_FOUND,
                "not here; there are / /metrics /metrics.json /healthz /readyz",
            ),
        })
    }

    fn health(&self, path: &str) -> Option<Answer> {
        match path {
            "/healthz" => Some(text(StatusCode::OK, "ok")),
            "/readyz" => {
                let state = figures::state(&self.memory);
                let status = if state == State::Serving {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                Some(text(status, state.name()))
            }
            _ => None,
        }
    }

    // `{"seconds": 0.002}` or `{"seconds": "auto"}`
    fn set_interval(&self, body: &[u8]) -> Result<Value, (StatusCode, &'static str)> {
        const WANTED: &str = "wanted: {\"seconds\": NUMBER from 0.000001 to 1000, or \"auto\"}";
        let wrong = (StatusCode::BAD_REQUEST, WANTED);
        let asked: Value = serde_json::from_slice(body).map_err(|_| wrong)?;
        let wanted = match &asked["seconds"] {
            Value::String(auto) if auto == "auto" => AUTO,
            number => {
                let seconds = number.as_f64().filter(|it| (1e-6..=1000.0).contains(it));
                // In range by the filter.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let microseconds = (seconds.ok_or(wrong)? * 1e6).round() as u64;
                microseconds * 1000
            }
        };
        let mut refusal = None;
        for (_, _, block) in self.memory.blocks() {
            let reason = Interval::from_word(block.get(Word::Adjustable)).refusal();
            match (reason, State::of(&block)) {
                // Who comes to this place finds what was wanted.
                (_, State::Absent) | (None, _) => block.set(Word::Wanted, wanted),
                (reason, _) => refusal = reason,
            }
        }
        match refusal {
            Some(reason) => Err((StatusCode::CONFLICT, reason)),
            None => Ok(json!({ "seconds": asked["seconds"] })),
        }
    }
}

fn text(status: StatusCode, line: &str) -> Answer {
    answer(status, TEXT, format!("{line}\n"))
}

fn value(status: StatusCode, value: &Value) -> Answer {
    answer(status, JSON, value.to_string())
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        // The address may hold the token.
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    answer
}
