//! The start and the end of a server.

use std::time::Duration;

use karhunen_serve::{Limits, ServeError, ServeOptions, Server, Token};

use crate::client::{Running, options, read, with_limits};

#[test]
fn a_server_that_cannot_be_says_why() {
    let refused = |options: ServeOptions| Server::open(&options).err().unwrap().to_string();
    let everywhere = "0.0.0.0".parse().unwrap();
    assert_eq!(
        refused(ServeOptions { address: everywhere, ..options() }),
        "address 0.0.0.0: other machines can reach it, and there is no token"
    );
    let token = Some(Token::new("sixteen letters!").unwrap());
    assert!(Server::open(&ServeOptions { address: everywhere, token, ..options() }).is_ok());
    let first = Server::open(&options()).unwrap();
    let port = first.address().port();
    let again = Server::open(&ServeOptions { port, ..options() }).err().unwrap();
    assert!(matches!(again, ServeError::Listen { .. }), "{again}");
    assert!(again.to_string().contains(&format!("127.0.0.1:{port}: cannot be listened on")));
    for limits in [
        Limits { cells: 1, ..Limits::default() },
        Limits { count: 0, ..Limits::default() },
        Limits { evaluations: 1, ..Limits::default() },
        Limits { queue: 0, ..Limits::default() },
    ] {
        assert!(refused(with_limits(limits)).contains("it must be at least"));
    }
    let nowhere = ServeOptions { models: vec!["nowhere".into()], ..options() };
    assert!(refused(nowhere).starts_with("nowhere: holds no model"));
    let unknown = ServeOptions { models: vec!["builtin:foam".into()], ..options() };
    assert!(refused(unknown).starts_with("builtin:foam: no such model"));
}

#[test]
fn a_server_that_is_stopped_ends_its_work_and_tells_its_readers() {
    let mut server = Running::of(&options());
    let body = r#"{"model":0,"grid":[64,64],"count":16,"evaluations":200}"#;
    let reader = server.send(&server.request("POST /api/sample", "", body));
    server.wait_until(1);
    let idle = std::net::TcpStream::connect(server.address).unwrap();
    let took = server.stop();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(read(reader).events().last().unwrap().0, "ended");
    assert!(std::net::TcpStream::connect(server.address).is_err());
    drop(idle);
}

#[test]
fn requests_that_never_end_block_nobody() {
    let server = Running::of(&options());
    // incomplete heads and bodies
    let _half: Vec<_> = (0..20).map(|_| server.send("GET / HT")).collect();
    let body = "POST /api/sample HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";
    let _slow: Vec<_> = (0..20).map(|_| server.send(body)).collect();
    // clients that do not read
    let ask = r#"{"model":0,"grid":[128,128],"evaluations":20}"#;
    let _deaf = server.send(&server.request("POST /api/sample", "", ask));
    let answer = server.post("/api/sample", r#"{"model":0,"grid":[8,8],"evaluations":2,"seed":9}"#);
    assert_eq!(answer.events().last().unwrap().0, "done");
}
