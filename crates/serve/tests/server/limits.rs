//! Limits are enforced, and refusals name them.

use karhunen_serve::Limits;

use crate::client::{Running, options, read, with_limits};

#[test]
fn too_much_is_refused_before_anything_is_computed() {
    let server = Running::of(&options());
    for (ask, part) in [
        (r#"{"model":0,"grid":[1024,1024]}"#, "grid 1024x1024: the limit of this server is 262144"),
        (r#"{"model":0,"count":17}"#, "count 17: the limit of this server is 16"),
        (r#"{"model":0,"count":16,"grid":[512,512]}"#, "16 fields at 512x512"),
        (r#"{"model":0,"evaluations":100000}"#, "evaluations 100000"),
        (r#"{"model":0,"guidance":1000}"#, "guidance 1000"),
    ] {
        server.post("/api/sample", ask).refuses(422, part);
        server.post("/api/file/npy", ask).refuses(422, part);
    }
    let places = vec![r#"{"at":[0.5,0.5],"value":1}"#; 513].join(",");
    let many = format!("{{\"model\":0,\"observed\":[{places}]}}");
    server.post("/api/sample", &many).refuses(422, "observed places 513");
    for (ask, part) in [
        (r#"{"model":0,"grid":[64]}"#, "a grid of 1 axes"),
        (r#"{"model":0,"count":0}"#, "count 0"),
        (r#"{"model":0,"#, "EOF"),
        ("[]", "invalid"),
        ("\u{0}", "expected value"),
    ] {
        server.post("/api/sample", ask).refuses(400, part);
    }
    let failed = server.post("/api/sample", r#"{"model":0,"evaluations":1}"#).events();
    assert_eq!(failed.last().unwrap().0, "failed");
    assert!(failed.last().unwrap().1["error"].as_str().unwrap().contains("evaluations"));
    server.post("/api/sample", &"x".repeat(300_000)).refuses(413, "longer than 262144 bytes");
    server.get("/api/sample").refuses(405, "not asked for in this way");
    server.get("/nothing").refuses(404, "nothing is here");
    // after all refusals the server still answers
    assert_eq!(
        server.post("/api/sample", r#"{"model":0,"grid":[8,8],"evaluations":2}"#).status,
        200
    );
}

/// A request that takes long, with its own seed.
fn long(seed: u64) -> String {
    format!(r#"{{"model":0,"grid":[64,64],"count":16,"evaluations":200,"seed":{seed}}}"#)
}

#[test]
fn a_full_queue_says_so_and_whoever_goes_leaves_it() {
    let server = Running::of(&with_limits(Limits { queue: 2, ..Limits::default() }));
    server.wait_until(0);
    let begin = |seed| server.send(&server.request("POST /api/sample", "", &long(seed)));
    let first = begin(1);
    server.wait_until(1);
    let second = begin(2);
    server.wait_until(2);
    let third = begin(3);
    server.wait_until(3);
    let refused = server.post("/api/sample", &long(4));
    refused.refuses(503, "2 requests wait already");
    assert_eq!(refused.header("retry-after").unwrap(), "2");
    // a waiting client disconnects, and its place is free
    drop(third);
    server.wait_until(2);
    let fourth = begin(5);
    server.wait_until(3);
    drop(fourth);
    // the client of the running job disconnects, and the next job begins
    drop(first);
    server.wait_until(1);
    drop(second);
    server.wait_until(0);
    let done = read(server.send(&server.request(
        "POST /api/sample",
        "",
        r#"{"model":0,"grid":[8,8],"evaluations":2}"#,
    )));
    assert_eq!(done.events().last().unwrap().0, "done");
}
