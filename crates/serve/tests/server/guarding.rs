//! Which requests are answered, and which data are visible.

use std::time::Instant;

use crate::client::{Running, options, with_token};

const TOKEN: &str = "a token of some length";

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let server = Running::of(&options());
    let page = server.get("/");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
        "{policy}"
    );
    assert_eq!(page.header("x-content-type-options").unwrap(), "nosniff");
    for asset in [
        "page.css",
        "page.js",
        "server.js",
        "stage.js",
        "state.js",
        "picture.js",
        "known.js",
        "icon.svg",
        "login",
        "login.js",
    ] {
        let answer = server.get(&format!("/{asset}"));
        assert_eq!(answer.status, 200, "{asset}");
        assert!(!answer.text().contains("https://"), "{asset}");
    }
    // every imported script exists
    let scripts = ["page", "server", "stage", "state", "picture", "known"];
    for script in scripts {
        let text = server.get(&format!("/{script}.js")).text();
        for line in text.lines().filter(|line| line.starts_with("import ")) {
            let name = line.split('"').nth(1).unwrap();
            assert_eq!(server.get(name).status, 200, "{script}: {name}");
        }
    }
}

#[test]
fn nothing_but_the_list_is_readable() {
    let server = Running::of(&options());
    for path in [
        "/etc/passwd",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/page/index.html",
        "/src/lib.rs",
        "//etc/passwd",
        "/api/models/..%2F..%2Fetc%2Fpasswd",
        "/api/models/%2Fetc%2Fpasswd",
        "/api/models/-1",
        "/api/models/99",
        "/api/models/builtin:spinodal",
        "/api/models/99999999999999999999999",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("root:"), "{path}");
    }
    server.post("/api/sample", r#"{"model":99}"#).refuses(404, "model 99: there are 3");
    server.post("/api/sample", r#"{"model":"/etc"}"#).refuses(400, "invalid type");
    let observe = r#"{"model":0,"observe":"/etc/passwd"}"#;
    server.post("/api/sample", observe).refuses(400, "unknown field `observe`");
    let kind = server.post("/api/file/..%2F..%2Fx", r#"{"model":0,"grid":[8,8],"evaluations":2}"#);
    kind.refuses(400, "no file of kind");
}

#[test]
fn other_sites_are_refused() {
    let server = Running::of(&options());
    for host in ["example.org", "example.org:8765", "127.0.0.1.example.org", "169.254.0.1"] {
        server.ask("GET /api/state", &format!("Host: {host}\r\n"), "").refuses(403, "no name of");
        assert_eq!(server.ask("GET /", &format!("Host: {host}\r\n"), "").status, 403);
    }
    let two = "Host: localhost\r\nHost: example.org\r\n";
    assert!(matches!(server.ask("GET /api/state", two, "").status, 400 | 403));
    for host in ["localhost", "localhost:9", "127.0.0.1", "[::1]:80"] {
        let answer = server.ask("GET /api/state", &format!("Host: {host}\r\n"), "");
        assert_eq!(answer.status, 200, "{host}");
    }
    let ask = r#"{"model":0,"grid":[8,8],"evaluations":2}"#;
    for origin in ["http://example.org", "null", "http://localhost:1", "https://127.0.0.1"] {
        let headers = format!("Origin: {origin}\r\n");
        server.ask("POST /api/sample", &headers, ask).refuses(403, "another site");
    }
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", server.address);
    assert_eq!(server.ask("POST /api/sample", &own, ask).status, 200);
    for site in ["cross-site", "same-site"] {
        let headers = format!("Sec-Fetch-Site: {site}\r\n");
        server.ask("GET /api/state", &headers, "").refuses(403, "another site");
        // a link from another site to the page works
        assert_eq!(server.ask("GET /", &headers, "").status, 200);
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let headers = format!("Content-Type: {kind}\r\n");
        server.ask("POST /api/sample", &headers, ask).refuses(415, "no JSON");
    }
    // preflight requests of other sites are refused
    let before = server.ask("OPTIONS /api/sample", "", "");
    assert!(before.status == 405 && before.header("access-control-allow-origin").is_none());
}

#[test]
fn a_token_is_asked_for_once_and_never_told() {
    let server = Running::of(&with_token(TOKEN));
    server.get("/api/state").refuses(401, "no token");
    server.get("/page.js").refuses(401, "no token");
    let page = server.get("/");
    assert_eq!((page.status, page.header("location").unwrap().as_str()), (303, "/login"));
    assert_eq!(server.get("/login").status, 200);
    // a token in the address is ignored
    server.get("/api/state?token=a%20token%20of%20some%20length").refuses(401, "no token");
    let begun = Instant::now();
    server.post("/login", r#"{"token":"another token of its own"}"#).refuses(401, "another token");
    assert!(begun.elapsed().as_millis() >= 500);
    server.post("/login", r#"{"token":3}"#).refuses(400, "no token");
    let answer = server.post("/login", &format!("{{\"token\":\"{TOKEN}\"}}"));
    assert_eq!(answer.status, 204);
    let cookie = answer.header("set-cookie").unwrap();
    let name = format!("karhunen-{}=", server.address.port());
    assert!(cookie.starts_with(&name) && !cookie.contains(TOKEN), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let own = cookie.split(';').next().unwrap();
    let with = |cookie: &str| server.ask("GET /api/state", &format!("Cookie: {cookie}\r\n"), "");
    assert_eq!(with(own).status, 200);
    assert_eq!(with(&format!("other=1; {own}")).status, 200);
    for wrong in [&own[..own.len() - 1], &format!("{own}0"), &format!("{name}{TOKEN}"), &name] {
        assert_eq!(with(wrong).status, 401, "{wrong}");
    }
    let bearer = |text: &str| format!("Authorization: Bearer {text}\r\n");
    assert_eq!(server.ask("GET /api/state", &bearer(TOKEN), "").status, 200);
    assert_eq!(server.ask("GET /api/state", &bearer("wrong"), "").status, 401);
    let log = server.log.lock().unwrap().join("\n");
    assert!(log.contains("GET /api/state: 401") && log.contains("POST /login: 204"), "{log}");
    assert!(!log.contains("token of some") && !log.contains("token%20of"), "{log}");
}
