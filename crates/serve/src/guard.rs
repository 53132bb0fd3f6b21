//! Decides which requests are answered.
//!
//! - **Host** With DNS rebinding, a page of another site makes its own name point to this machine.
//!   The Host header then still has that name. On a local address, only names of this machine are
//!   answered.
//! - **Origin, Sec-Fetch-Site** Requests from pages of other sites are refused.
//! - **Token** If a token is set, a browser sends it once and then has a cookie with a secret of
//!   this server run. Scripts send `Authorization: Bearer TOKEN`. A token is never read from an
//!   address.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::answer::Refusal;
use crate::routes::App;

/// Headers of every answer. The page loads only its own script and style.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Paths that are answered without a token: the page that asks for it.
const OPEN: [&str; 4] = ["/login", "/login.js", "/page.css", "/icon.svg"];

/// Passes a request on, or refuses it with the reason.
pub async fn guard(State(app): State<App>, request: Request<Body>, next: Next) -> Response {
    // the log shows the path only, because the query may be private
    let line = format!("{} {}", request.method(), request.uri().path());
    let begun = std::time::Instant::now();
    let mut response = match refused(&app, &request) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let millis = begun.elapsed().as_millis();
    (app.log)(&format!("{line}: {} after {millis} ms", response.status().as_u16()));
    response
}

fn refused(app: &App, request: &Request<Body>) -> Option<Response> {
    let (headers, path) = (request.headers(), request.uri().path());
    let from_elsewhere = |what: String| {
        let help = format!("open {}", app.address);
        Some(Refusal::new(StatusCode::FORBIDDEN, what, help).into_response())
    };
    let Some(host) = single(headers, &header::HOST) else {
        return from_elsewhere("no Host, or several".into());
    };
    if app.own_names && !is_own(host, app.ip) {
        return from_elsewhere(format!("Host {host} is no name of this machine"));
    }
    if let Some(origin) = headers.get(header::ORIGIN)
        && origin.to_str().ok().and_then(|o| o.split_once("://")).is_none_or(|(_, o)| o != host)
    {
        return from_elsewhere("a request of another site".into());
    }
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let opens = request.method() == Method::GET && matches!(path, "/" | "/login");
    if !opens && site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return from_elsewhere("a request of another site".into());
    }
    if request.method() == Method::POST && !is_json(headers) {
        let error = "a request whose content is no JSON";
        let help = "send Content-Type: application/json";
        return Some(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, help).into_response());
    }
    if OPEN.contains(&path) || may(app, headers) {
        return None;
    }
    if opens {
        return Some(Redirect::to("/login").into_response());
    }
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "no token", "open /login and give it");
    Some(refusal.into_response())
}

/// Whether the sender has shown the token, or none is needed.
fn may(app: &App, headers: &HeaderMap) -> bool {
    let Some(token) = &app.token else { return true };
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if bearer.and_then(|text| text.strip_prefix("Bearer ")).is_some_and(|text| token.is(text)) {
        return true;
    }
    let name = app.cookie_name();
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|line| line.split(';')).filter_map(|p| p.trim().split_once('='));
    pairs.any(|(of, value)| of == name && app.session.is(value))
}

/// The value of a header that occurs once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(value)
}

/// Whether a Host is a name of this machine. Any port is accepted, because a tunnel may change it.
fn is_own(host: &str, ip: std::net::IpAddr) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, port)) if port.is_empty() || is_port(port) => name,
        Some(_) => return false,
        None => match host.find(':') {
            Some(at) if is_port(&host[at..]) => &host[..at],
            Some(_) => return false,
            None => host,
        },
    };
    ["localhost", "127.0.0.1", "::1"].iter().any(|own| name.eq_ignore_ascii_case(own))
        || name.parse() == Ok(ip)
}

/// Whether a text is a port: `:8000`.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_known() {
        let ip = "127.0.0.2".parse().unwrap();
        for own in
            ["localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]:9000", "[::1]", "127.0.0.2:80"]
        {
            assert!(is_own(own, ip), "{own}");
        }
        for other in [
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org:8765",
            "127.0.0.1:",
            "127.0.0.1:x",
            "[::1]x",
            "[::2]:80",
            "127.0.0.3",
            "",
        ] {
            assert!(!is_own(other, ip), "{other}");
        }
    }
}
