//! The answer to each address.
//!
//! | address | answer |
//! |---|---|
//! | `GET /`, `/page.css`, `/*.js`, `/icon.svg` | the page |
//! | `GET /login`, `POST /login` | a page that asks for the token; a cookie in exchange for the token |
//! | `GET /api/state` | version, models, how many requests there are |
//! | `GET /api/models/N` | model N of the list |
//! | `POST /api/sample` | fields of an [`Ask`], as server-sent events |
//! | `POST /api/file/KIND` | the same fields as a file: npy, png, vti, or the observed places as csv |

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_core::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};

use crate::answer::{Refusal, json};
use crate::ask::{Ask, OBSERVED};
use crate::queue::{Job, NotTaken, Queue};
use crate::server::Log;
use crate::shelf::{Described, Shelf};
use crate::work::{Cache, Made, ROOM, Teller, Told, described, ending};
use crate::{Limits, Token, guard, observed};

/// Time within which a request must arrive.
const BODY_TIME: Duration = Duration::from_secs(20);
/// A request above the limit is read up to this many times the limit before it is cut off.
const PATIENCE: usize = 16;
/// Interval of keep-alive messages on an idle stream.
const ALIVE: Duration = Duration::from_secs(10);
/// Delay of the answer to a wrong token.
const WRONG_TOKEN: Duration = Duration::from_millis(500);

/// The state shared by all answers.
#[derive(Clone)]
pub struct App(pub Arc<Inner>);

pub struct Inner {
    pub shelf: Arc<Shelf>,
    pub queue: Queue,
    pub limits: Limits,
    pub token: Option<Token>,
    /// The secret in the cookies of this server run.
    pub session: Token,
    /// Whether only Host names of this machine are answered.
    pub own_names: bool,
    pub ip: IpAddr,
    /// Address of the server, such as `http://127.0.0.1:8765/`.
    pub address: String,
    pub port: u16,
    pub ending: Arc<AtomicBool>,
    pub made: Cache,
    /// Serialises the answers to wrong tokens.
    pub wrong: Semaphore,
    pub log: Log,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// The cookie name contains the port, because cookies ignore ports and two servers may share a
    /// machine.
    pub fn cookie_name(&self) -> String {
        format!("karhunen-{}", self.port)
    }
}

/// All routes.
pub fn router(app: &App) -> Router {
    let script = |text: &'static str| get(move || asset("text/javascript; charset=utf-8", text));
    let page = |text: &'static str| get(move || asset("text/html; charset=utf-8", text));
    let style = get(|| asset("text/css; charset=utf-8", include_str!("page/page.css")));
    let icon = get(|| asset("image/svg+xml", include_str!("page/icon.svg")));
    Router::new()
        .route("/", page(include_str!("page/index.html")))
        .route("/page.css", style)
        .route("/icon.svg", icon)
        .route("/page.js", script(include_str!("page/page.js")))
        .route("/server.js", script(include_str!("page/server.js")))
        .route("/state.js", script(include_str!("page/state.js")))
        .route("/stage.js", script(include_str!("page/stage.js")))
        .route("/picture.js", script(include_str!("page/picture.js")))
        .route("/known.js", script(include_str!("page/known.js")))
        .route("/login.js", script(include_str!("page/login.js")))
        .route("/login", page(include_str!("page/login.html")).post(login))
        .route("/api/state", get(state))
        .route("/api/models/{number}", get(model))
        .route("/api/sample", post(sample))
        .route("/api/file/{kind}", post(file))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app.clone())
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn nowhere() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "nothing is here", "open /")
}

async fn not_so() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "not asked for in this way", "open /")
}

async fn state(State(app): State<App>) -> Response {
    json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "models": app.shelf.entries(),
        "requests": app.queue.count(),
        "limits": app.limits,
    }))
}

async fn model(State(app): State<App>, Path(number): Path<String>) -> Result<Response, Refusal> {
    let number = number.parse().map_err(|_| {
        let error = format!("model {number}: no number of the list");
        Refusal::new(StatusCode::NOT_FOUND, error, "choose one of the list")
    })?;
    blocking(move || {
        let opened = app.shelf.open(number)?;
        Ok(json(&Described::of(number, app.shelf.entry(number)?, &opened, app.limits)))
    })
    .await
}

/// The token sent by the login page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

async fn login(State(app): State<App>, body: Body) -> Result<Response, Refusal> {
    let bytes = whole(body, app.limits.body).await?;
    let login: Login = serde_json::from_slice(&bytes)
        .map_err(|_| Refusal::asked("no token", "send {\"token\": …}"))?;
    if !app.token.as_ref().is_none_or(|token| token.is(&login.token)) {
        // guesses of all clients are answered one after another
        let turn = app.wrong.acquire().await;
        tokio::time::sleep(WRONG_TOKEN).await;
        drop(turn);
        let help = "give the token that the server was started with";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "another token", help));
    }
    let cookie =
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", app.cookie_name(), app.session.text());
    let value = HeaderValue::from_str(&cookie)
        .map_err(|_| Refusal::asked("no cookie can be made", "start the server again"))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, value)]).into_response())
}

async fn sample(State(app): State<App>, body: Body) -> Result<Response, Refusal> {
    let ask = Ask::read(&whole(body, app.limits.body).await?)?;
    let (to, from) = mpsc::channel(ROOM);
    let teller = Teller { to, ending: Arc::clone(&app.ending) };
    if let Some(made) = app.made.find(&ask) {
        blocking(move || {
            teller.tell("done", &made.told());
            Ok(())
        })
        .await?;
        return Ok(events(from));
    }
    let ask = checked(&app, ask).await?;
    let (wanted, ahead, own) = (teller.clone(), teller.clone(), app.clone());
    take(
        &app,
        Job {
            wanted: Box::new(move || wanted.wanted()),
            ahead: Box::new(move |count| ahead.tell("waiting", &json!({ "ahead": count }))),
            work: Box::new(move || {
                (own.log)(&format!("samples: {}", described(&ask)));
                match Made::of(&ask, &own.shelf, &own.limits, &teller) {
                    Ok(made) => {
                        let made = Arc::new(made);
                        own.made.keep(Arc::clone(&made));
                        teller.tell("done", &made.told());
                    }
                    Err(refusal) => {
                        (own.log)(&format!("not sampled: {}", refusal.error));
                        let ends = own.ending.load(Ordering::Relaxed);
                        teller.tell(if ends { "ended" } else { "failed" }, &refusal);
                    }
                }
            }),
        },
    )?;
    Ok(events(from))
}

async fn file(
    State(app): State<App>,
    Path(kind): Path<String>,
    body: Body,
) -> Result<Response, Refusal> {
    let ask = Ask::read(&whole(body, app.limits.body).await?)?;
    if kind == "csv" {
        let table = observed::table(&ask.observed, ask.observed.first().map_or(0, |p| p.at.len()));
        return Ok(attached(OBSERVED, "text/csv; charset=utf-8", table.into_bytes()));
    }
    let kind = ending(&kind)?;
    let (name, bytes) = match app.made.find(&ask) {
        Some(made) => blocking(move || made.file(kind)).await?,
        None => made_file(&app, ask, kind).await?,
    };
    let kind = if name.ends_with(".png") { "image/png" } else { "application/octet-stream" };
    Ok(attached(&name, kind, bytes))
}

/// Samples the fields of a request and makes a file of them.
async fn made_file(app: &App, ask: Ask, kind: &'static str) -> Result<(String, Vec<u8>), Refusal> {
    let ask = checked(app, ask).await?;
    // progress events have no reader here; if the client disconnects, the receiver is dropped with
    // it
    let (to, mut on_the_way) = mpsc::channel(ROOM);
    let teller = Teller { to, ending: Arc::clone(&app.ending) };
    let (result, mut made) = mpsc::channel(1);
    let (wanted, own) = (teller.clone(), app.clone());
    take(
        app,
        Job {
            wanted: Box::new(move || wanted.wanted()),
            ahead: Box::new(|_| ()),
            work: Box::new(move || {
                let found = Made::of(&ask, &own.shelf, &own.limits, &teller);
                let found = found.and_then(|made| {
                    let made = Arc::new(made);
                    own.made.keep(Arc::clone(&made));
                    made.file(kind)
                });
                let _ = result.try_send(found);
            }),
        },
    )?;
    let ended =
        || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server ends", "start it again");
    let found = made.recv().await;
    on_the_way.close();
    found.unwrap_or_else(|| Err(ended()))
}

/// Checks that the model of a request can be opened and that the request is within the limits.
async fn checked(app: &App, ask: Ask) -> Result<Ask, Refusal> {
    let app = app.clone();
    blocking(move || {
        let opened = app.shelf.open(ask.model)?;
        ask.check(&opened.model, &app.limits)?;
        Ok(ask)
    })
    .await
}

fn take(app: &App, job: Job) -> Result<(), Refusal> {
    app.queue.push(job).map_err(|not| {
        let (error, help) = match not {
            NotTaken::Full(count) => {
                (format!("{count} requests wait already"), "ask again in a moment")
            }
            NotTaken::Ended => ("the server ends".into(), "start it again"),
        };
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, help)
    })
}

/// Reads the body of a request within a size and a time limit. A body that is too long is read
/// further, up to a bound, so that its sender receives the refusal.
async fn whole(body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    let read = async {
        while let Some(chunk) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
            let chunk =
                chunk.map_err(|_| Refusal::asked("a request that broke off", "send it again"))?;
            length += chunk.len();
            if length > PATIENCE * limit {
                break;
            }
            if length <= limit {
                bytes.extend_from_slice(&chunk);
            }
        }
        Ok::<(), Refusal>(())
    };
    let late = |_| {
        let error = "a request that does not come";
        Refusal::new(StatusCode::REQUEST_TIMEOUT, error, "send it at once")
    };
    tokio::time::timeout(BODY_TIME, read).await.map_err(late)??;
    match length > limit {
        true => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a request longer than {limit} bytes"),
            "ask for less",
        )),
        false => Ok(bytes),
    }
}

/// Runs slow work on another thread, so that the server keeps answering.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let help = "this is a mistake of the program";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "a job ended unexpectedly", help))
    })
}

fn attached(name: &str, kind: &'static str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::from_str(&disposition)
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static(kind);
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], bytes)
        .into_response()
}

fn events(from: mpsc::Receiver<Told>) -> Response {
    Sse::new(Events(from)).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}

/// Events of a job as a server-sent stream. It is dropped with the connection, which ends the job.
struct Events(mpsc::Receiver<Told>);

impl Stream for Events {
    type Item = Result<Event, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = |told: Told| Ok(Event::default().event(told.name).data(told.data));
        self.0.poll_recv(context).map(|told| told.map(event))
    }
}
