//! Accepts connections and closes them at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::queue::{Job, Queue};
use crate::routes::{App, Inner, router};
use crate::shelf::Shelf;
use crate::work::Cache;
use crate::{ServeError, ServeOptions, Token};

/// Receives one log line for each request.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// Largest number of open connections; further ones wait to be accepted.
const CONNECTIONS: usize = 256;
/// Time within which the head of a request must arrive.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// Interval at which the flag that ends the server is checked.
const LOOK: Duration = Duration::from_millis(50);
/// Time for connections to finish at the end.
const LAST_WORDS: Duration = Duration::from_millis(1500);

/// A server that listens. It answers once it runs.
pub struct Server {
    listener: std::net::TcpListener,
    address: SocketAddr,
    options: ServeOptions,
    shelf: Shelf,
}

impl Server {
    /// Checks the options, opens the models given by name, and listens.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn open(options: &ServeOptions) -> Result<Self, ServeError> {
        if !options.address.is_loopback() && options.token.is_none() {
            return Err(ServeError::NoToken(options.address));
        }
        let limits = &options.limits;
        for (name, value, least) in [
            ("max-cells", limits.cells as u64, 4),
            ("max-count", limits.count, 1),
            ("max-evaluations", limits.evaluations as u64, 3),
            ("queue", limits.queue as u64, 1),
        ] {
            if value < least {
                return Err(ServeError::Limit { name, value, least });
            }
        }
        let shelf = Shelf::of(options)?;
        let asked = SocketAddr::new(options.address, options.port);
        let listen = |source| ServeError::Listen { address: asked, source };
        let listener = std::net::TcpListener::bind(asked).map_err(listen)?;
        listener.set_nonblocking(true).map_err(ServeError::System)?;
        let address = listener.local_addr().map_err(ServeError::System)?;
        Ok(Self { listener, address, options: options.clone(), shelf })
    }

    /// The address and the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for a browser.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Answers until the flag is set. It then ends the running job, notifies readers and closes
    /// connections.
    ///
    /// # Errors
    /// [`ServeError::System`].
    pub fn run(self, stop: &Arc<AtomicBool>, log: &Log) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(ServeError::System)?;
        let ending = Arc::new(AtomicBool::new(false));
        let (queue, worker) =
            Queue::start(self.options.limits.queue).map_err(ServeError::System)?;
        let app = App(Arc::new(Inner {
            own_names: self.options.token.is_none(),
            shelf: Arc::new(self.shelf),
            queue,
            limits: self.options.limits,
            token: self.options.token,
            session: Token::random()?,
            ip: self.address.ip(),
            address: format!("http://{}/", self.address),
            port: self.address.port(),
            ending: Arc::clone(&ending),
            made: Cache::default(),
            wrong: Semaphore::new(1),
            log: Arc::clone(log),
        }));
        open_first(&app);
        let result = runtime.block_on(answer(self.listener, &app, stop));
        ending.store(true, Ordering::Relaxed);
        app.queue.end();
        join(worker);
        runtime.shutdown_timeout(LOOK);
        result
    }
}

/// Opens the first model before the first request, so that the first picture need not wait for it.
fn open_first(app: &App) {
    let shelf = Arc::clone(&app.shelf);
    let _ = app.queue.push(Job {
        wanted: Box::new(|| true),
        ahead: Box::new(|_| ()),
        work: Box::new(move || drop(shelf.open(0))),
    });
}

fn join(worker: JoinHandle<()>) {
    // the worker ends after its current evaluation; a panic belonged to a job that is over
    let _ = worker.join();
}

async fn answer(
    listener: std::net::TcpListener,
    app: &App,
    stop: &AtomicBool,
) -> Result<(), ServeError> {
    let listener = TcpListener::from_std(listener).map_err(ServeError::System)?;
    let router = router(app);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let (end, ended) = watch::channel(false);
    let accepting = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (router, ended) = (router.clone(), ended.clone());
                    tokio::spawn(async move {
                        connection(stream, router, ended).await;
                        drop(place);
                    });
                }
                // too many open files, or a connection that closed at once
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    };
    until(stop, accepting).await;
    drop(listener);
    app.ending.store(true, Ordering::Relaxed);
    app.queue.end();
    let _ = end.send(true);
    let all = places.acquire_many(CONNECTIONS as u32);
    let _ = tokio::time::timeout(LAST_WORDS, all).await;
    Ok(())
}

/// Runs a future until a flag is set.
async fn until(stop: &AtomicBool, work: impl Future<Output = ()>) {
    let mut work = std::pin::pin!(work);
    while !stop.load(Ordering::Relaxed) {
        if tokio::time::timeout(LOOK, work.as_mut()).await.is_ok() {
            return;
        }
    }
}

/// Serves one connection.
async fn connection(stream: TcpStream, router: Router, mut ended: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .serve_connection(TokioIo::new(stream), service)
    );
    // a broken connection is not an error
    let until_end = async {
        while !*ended.borrow() {
            if ended.changed().await.is_err() {
                return;
            }
        }
    };
    let first = {
        let mut until_end = std::pin::pin!(until_end);
        std::future::poll_fn(|context| {
            use std::task::Poll;
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            until_end.as_mut().poll(context).map(|()| false)
        })
        .await
    };
    if !first {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
