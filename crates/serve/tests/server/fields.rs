//! Fields sampled over a connection are those that the library samples.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use karhunen::{Model, SampleOptions};
use serde_json::{Value, json};

use crate::client::{Running, options};

/// The integers of a 16-bit frame.
fn values(frame: &Value) -> Vec<f64> {
    let (low, high) = (frame["low"].as_f64().unwrap(), frame["high"].as_f64().unwrap());
    let bytes = STANDARD.decode(frame["data"].as_str().unwrap()).unwrap();
    let code = |b: &[u8]| f64::from(u16::from_le_bytes([b[0], b[1]]));
    bytes.chunks(2).map(|b| low + (high - low) * code(b) / 65535.0).collect()
}

fn named<'a>(events: &'a [(String, Value)], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|(of, _)| of == name).map(|(_, data)| data).collect()
}

#[test]
fn fields_form_and_are_those_of_the_library() {
    let server = Running::of(&options());
    let ask = json!({ "model": 0, "grid": [24, 24], "seed": 5, "count": 2, "evaluations": 6 });
    let answer = server.post("/api/sample", &ask.to_string());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type").unwrap(), "text/event-stream");
    let events = answer.events();
    assert_eq!(named(&events, "began")[0]["grid"], json!([24, 24]));
    let forming = named(&events, "forming");
    assert!(!forming.is_empty());
    // fields on a grid between two levels are made on the finer level and restricted at the end
    assert!(forming.iter().all(|f| f["frames"][0]["cells"] == json!([32, 32])));
    let steps = named(&events, "step");
    assert!(steps.iter().all(|s| s["done"].as_u64() <= s["of"].as_u64()) && !steps.is_empty());
    let done = named(&events, "done")[0];
    let frames = done["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 2);
    assert_eq!(
        done["command"],
        "karhunen sample --model builtin:spinodal --grid 24x24 --count 2 --seed 5 --evaluations 6 --calibration none --out spinodal-24x24-seed5.npy"
    );
    let model = Model::open("builtin:spinodal").unwrap();
    let options = SampleOptions {
        calibration: Some(karhunen::CalibrationKind::None),
        ..SampleOptions::new(2).on(&[24, 24]).seed(5).evaluations(6)
    };
    let expected = model.sample(&options, &()).unwrap();
    let step = expected.fields.values.iter().fold(0.0f64, |m, v| m.max(v.abs())) / 16000.0;
    for (frame, field) in frames.iter().zip(expected.fields.fields()) {
        let found = values(frame);
        assert!(found.iter().zip(field).all(|(a, b)| (a - b).abs() < step));
    }
    // files hold all digits, as the library writes them
    let folder = tempfile::tempdir().unwrap();
    for kind in ["npy", "vti", "png"] {
        let path = folder.path().join(format!("fields.{kind}"));
        expected.write(&path, false).unwrap();
        let file = server.post(&format!("/api/file/{kind}"), &ask.to_string());
        assert_eq!(file.status, 200, "{}", file.text());
        let name = format!("attachment; filename=\"spinodal-24x24-seed5.{kind}\"");
        assert_eq!(file.header("content-disposition").unwrap(), name);
        assert!(file.body == std::fs::read(&path).unwrap(), "{kind}");
    }
    // the second request is answered from the cache
    let again = server.post("/api/sample", &ask.to_string()).events();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].1["frames"], done["frames"]);
    // a file of fields that were not sampled before
    let other = json!({ "model": 0, "grid": [16, 16], "evaluations": 3 });
    assert!(server.post("/api/file/npy", &other.to_string()).body.starts_with(b"\x93NUMPY"));
    server.post("/api/file/exe", &other.to_string()).refuses(400, "no file of kind `exe`");
}

#[test]
fn what_comes_calibrated_is_calibrated() {
    let server = Running::of(&options());
    let answer = server.post("/api/sample", r#"{"model":0,"grid":[64,64]}"#).events();
    let done = named(&answer, "done")[0];
    assert!(!done["command"].as_str().unwrap().contains("--calibration"));
    let model = Model::open("builtin:spinodal").unwrap();
    let expected = model.sample(&SampleOptions::new(1).on(&[64, 64]), &()).unwrap().fields;
    let found = values(&done["frames"][0]);
    assert!(found.iter().zip(&expected.values).all(|(a, b)| (a - b).abs() < 1e-3));
}

#[test]
fn fields_agree_with_what_is_known() {
    let server = Running::of(&options());
    let observed = json!([
        { "at": [0.25, 0.5], "value": 0.9 },
        { "at": [0.75, 0.25], "value": -0.8, "sd": 0.05 },
    ]);
    let ask =
        json!({ "model": 0, "grid": [32, 32], "count": 3, "evaluations": 8, "observed": observed });
    let events = server.post("/api/sample", &ask.to_string()).events();
    let done = named(&events, "done")[0];
    assert!(done["residuals"][0]["exact"].as_f64().unwrap() < 1e-6, "{}", done["residuals"]);
    let names: Vec<&str> =
        done["summary"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mean", "standard deviation"]);
    assert!(done["command"].as_str().unwrap().contains("--observe observed.csv"));
    let table = server.post("/api/file/csv", &ask.to_string());
    assert_eq!(table.text(), "x,y,value,sd,channel\n0.25,0.5,0.9,0,0\n0.75,0.25,-0.8,0.05,0\n");
    // the command line with the saved table makes the same fields
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("observed.csv");
    std::fs::write(&path, table.text()).unwrap();
    let model = Model::open("builtin:spinodal").unwrap();
    let options =
        SampleOptions { observe: vec![path], ..SampleOptions::new(3).on(&[32, 32]).evaluations(8) };
    let expected = model.sample(&options, &()).unwrap().fields;
    for (frame, field) in done["frames"].as_array().unwrap().iter().zip(expected.fields()) {
        assert!(values(frame).iter().zip(field).all(|(a, b)| (a - b).abs() < 1e-3));
    }
    let outside = json!({ "model": 0, "observed": [{ "at": [2.0, 0.5], "value": 0 }] });
    server.post("/api/sample", &outside.to_string()).refuses(400, "observed place 1: x = 2 lies");
}

#[test]
fn models_are_listed_and_described() {
    let server = Running::of(&options());
    let state = server.get("/api/state").json();
    let names: Vec<&str> =
        state["models"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["builtin:spinodal", "builtin:grains", "builtin:shapes"]);
    let model = server.get("/api/models/2").json();
    assert_eq!((&model["name"], &model["trained"]), (&json!("builtin:shapes"), &json!([64, 64])));
    assert_eq!(model["classes"].as_array().unwrap().len(), 3);
    let asked = server.post(
        "/api/sample",
        r#"{"model":2,"class":1,"guidance":1.5,"grid":[16,16],"evaluations":3}"#,
    );
    let events = asked.events();
    assert_eq!(named(&events, "done")[0]["classes"], json!([1]));
    let unseen = server.post("/api/sample", r#"{"model":2,"class":7}"#).events();
    assert!(named(&unseen, "failed")[0]["error"].as_str().unwrap().contains("class 7"));
}
