//! Stores in buckets, against a local server of S3: `AWS_ENDPOINT_URL` says where, with any credentials. Buckets of other
//! providers that exist already are named in `KARHUNEN_BUCKETS`, as `az://one az://two`.
//!
//! `.ci/cloud` starts servers. Without them, what needs one is skipped, and says so.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use karhunen_field::{Boundary, Ensemble, Grid};
use karhunen_formats::{
    FieldSource, FieldWriter, Form, FormatError, ReadOptions, StoredFields, Units, WriteOptions,
    read, write,
};

/// Host and port of the server, and a bucket there that is this test's own.
fn server(bucket: &str) -> Option<(String, String)> {
    let Ok(url) = std::env::var("AWS_ENDPOINT_URL") else {
        println!("skipped: AWS_ENDPOINT_URL names no server of S3");
        return None;
    };
    let host = url.trim_start_matches("http://").trim_end_matches('/').to_string();
    let bucket = format!("{bucket}-{}", std::process::id());
    request(&host, "PUT", &format!("/{bucket}"), &[]);
    Some((host, bucket))
}

/// A plain request, without any signature, of objects that everybody may read; the answer.
fn request(host: &str, method: &str, path: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nx-amz-acl: public-read\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

fn objects(host: &str, bucket: &str) -> usize {
    request(host, "GET", &format!("/{bucket}?list-type=2"), &[]).matches("<Key>").count()
}

fn fields(points: &[usize], count: usize) -> Ensemble {
    let grid = Grid::unit(points, Boundary::Neumann).unwrap();
    let len = count * grid.len();
    Ensemble::new(grid, 1, (0..len).map(|i| i as f64).collect()).unwrap()
}

/// Credentials of the environment, which no message may contain.
fn secrets() -> Vec<String> {
    ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"]
        .iter()
        .filter_map(|key| std::env::var(key).ok())
        .filter(|secret| !secret.is_empty())
        .collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, FormatError>) -> String {
    let error = result.unwrap_err();
    let said = format!("{error} {error:?}");
    for secret in secrets() {
        assert!(!said.contains(&secret), "{said}");
    }
    assert!(!error.to_string().contains('\n'), "{error}");
    error.to_string()
}

/// Stores of one chunk and of several go to a bucket and come back.
fn there_and_back(bucket: &str) {
    for (i, (points, count)) in
        [(&[12, 9][..], 7), (&[70, 65, 40], 1), (&[600, 700], 2)].into_iter().enumerate()
    {
        let name = format!("{bucket}/runs/{i}.zarr");
        let all = fields(points, count);
        let form = Form { points: points.into(), channels: 1, count, units: Units::default() };
        let mut writer =
            FieldWriter::create(name.as_ref(), &form, &WriteOptions::default()).unwrap();
        (0..count).for_each(|i| writer.push(&all.slice(i..i + 1)).unwrap());
        writer.finish().unwrap();
        let options = ReadOptions { dim: Some(points.len()), ..ReadOptions::default() };
        let back = read(&name, &options).unwrap();
        assert_eq!((back.count(), &back.points[..]), (count, points));
        assert!(back.values.iter().zip(&all.values).all(|(a, b)| f64::from(*a) == *b));
        let stored = StoredFields::open(&name, &options).unwrap();
        secrets().iter().for_each(|secret| assert!(!format!("{stored:?}").contains(secret)));
        let mut block = Vec::new();
        stored
            .block(count - 1, &vec![1; points.len()], &vec![2; points.len()], &mut block)
            .unwrap();
        assert_eq!(block.len(), 1 << points.len());
        let again = refused(write(&name, &all, &WriteOptions::default()));
        assert!(again.contains("exists already"), "{again}");
    }
}

#[test]
fn stores_go_to_buckets_and_come_back() {
    let Some((host, bucket)) = server("stores") else { return };
    there_and_back(&format!("s3://{bucket}"));
    assert!(!request(&host, "GET", &format!("/{bucket}?list-type=2"), &[]).contains("unfinished"));
}

#[test]
fn buckets_of_other_providers_hold_stores() {
    let Ok(buckets) = std::env::var("KARHUNEN_BUCKETS") else {
        println!("skipped: KARHUNEN_BUCKETS names no buckets, such as az://one");
        return;
    };
    for bucket in buckets.split_whitespace() {
        let own = format!("{bucket}/{}", std::process::id());
        there_and_back(&own);
        let open = |name: String| refused(StoredFields::open(name, &ReadOptions::default()));
        let none = open(format!("{own}/none.npy"));
        assert!(none.contains("nothing is there"), "{none}");
        let none = open(format!("{own}/none.zarr"));
        assert!(none.contains("nothing is there that is Zarr's"), "{none}");
        let nowhere = format!("{bucket}-nowhere/a.zarr");
        let none = refused(write(nowhere, &fields(&[4, 4], 1), &WriteOptions::default()));
        assert!(none.contains("there is no such bucket"), "{none}");
    }
}

#[test]
fn what_breaks_off_leaves_nothing_in_a_bucket() {
    let Some((host, bucket)) = server("broken") else { return };
    let name = PathBuf::from(format!("s3://{bucket}/a.zarr"));
    let all = fields(&[600, 600], 2);
    let form = Form { points: vec![600, 600], channels: 1, count: 2, units: Units::default() };
    let mut writer = FieldWriter::create(&name, &form, &WriteOptions::default()).unwrap();
    writer.push(&all.slice(0..1)).unwrap();
    assert!(objects(&host, &bucket) > 1);
    let mut broken = all.slice(1..2);
    broken.values[700] = f64::NAN;
    refused(writer.push(&broken));
    drop(writer);
    assert_eq!(objects(&host, &bucket), 0);
    let png = refused(write(format!("s3://{bucket}/a.npy"), &all, &WriteOptions::default()));
    assert!(png.contains("end the name in .zarr"), "{png}");
}

#[test]
fn arrays_of_numpy_are_read_from_buckets_and_servers() {
    let Some((host, bucket)) = server("arrays") else { return };
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("a.npy");
    let all = fields(&[30, 20], 5);
    write(&local, &all, &WriteOptions::default()).unwrap();
    request(&host, "PUT", &format!("/{bucket}/x/a.npy"), &std::fs::read(&local).unwrap());
    let here = read(&local, &ReadOptions::default()).unwrap();
    for name in [format!("s3://{bucket}/x/a.npy"), format!("http://{host}/{bucket}/x/a.npy")] {
        let back = read(&name, &ReadOptions::default()).unwrap();
        assert_eq!((back.values, back.points), (here.values.clone(), here.points.clone()));
        let stored = StoredFields::open(&name, &ReadOptions::default()).unwrap();
        let mut block = Vec::new();
        stored.block(4, &[3, 5], &[2, 2], &mut block).unwrap();
        assert_eq!(f64::from(block[3]), (4 * 600 + 4 * 20 + 6) as f64);
    }
    let cut = format!("/{bucket}/cut.npy");
    request(&host, "PUT", &cut, &std::fs::read(&local).unwrap()[..2000]);
    let short = refused(read(format!("s3:/{cut}"), &ReadOptions::default()));
    assert!(short.contains("cut short"), "{short}");
}

#[test]
fn what_is_not_there_is_one_line() {
    let Some((_, bucket)) = server("lines") else { return };
    let open = |name: String| refused(StoredFields::open(name, &ReadOptions::default()));
    let none = open("s3://no-such-bucket-of-ours/a.npy".into());
    assert!(none.contains("there is no such bucket"), "{none}");
    let none = open("s3://no-such-bucket-of-ours/a.zarr".into());
    assert!(none.contains("there is no such bucket"), "{none}");
    let none = open(format!("s3://{bucket}/none.npy"));
    assert!(none.contains("nothing is there"), "{none}");
    let none = open(format!("s3://{bucket}/none.zarr"));
    assert!(none.contains("nothing is there that is Zarr's"), "{none}");
    let none = refused(write(
        "s3://no-such-bucket-of-ours/a.zarr",
        &fields(&[4, 4], 1),
        &WriteOptions::default(),
    ));
    assert!(none.contains("there is no such bucket"), "{none}");
}

/// A server that answers everything alike.
fn answering(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).unwrap();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nSECRET"
            )
            .unwrap();
        }
    });
    host
}

#[test]
fn servers_that_refuse_are_one_line() {
    for (status, said) in
        [("403 Forbidden", "not permitted"), ("404 Not Found", "nothing is there")]
    {
        let host = answering(status);
        for ending in ["npy", "zarr"] {
            let name = format!("http://{host}/a.{ending}");
            let error = refused(StoredFields::open(&name, &ReadOptions::default()));
            assert!(error.contains(said) && !error.contains("SECRET"), "{error}");
            assert!(error.starts_with(&name), "{error}");
        }
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let name = format!("http://{free}/a.npy");
    let error = refused(StoredFields::open(&name, &ReadOptions::default()));
    assert!(error.contains("no answer: connection refused"), "{error}");
    let error = refused(StoredFields::open("http://a:SECRET@h/a.npy", &ReadOptions::default()));
    assert!(error.contains("no credentials") && !error.contains("SECRET"), "{error}");
}
