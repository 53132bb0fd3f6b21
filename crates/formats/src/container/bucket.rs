//! Objects in buckets and on servers: `s3://`, `gs://`, `az://`, `http://`, `https://`.
//!
//! This is a thin layer over the crate `object_store`: whole objects, parts of them, and their names. What the objects mean
//! is up to the readers and writers of the formats.
//!
//! Credentials come only from the environment, as that crate and the providers' own programs read them
//! (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME` and so on). An address
//! with credentials is refused, because addresses are written into configurations, checkpoints and logs. Error messages are
//! written here and not taken from the library, since those may contain credentials.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use object_store::path::Path as Key;
use object_store::{
    ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, ObjectStoreScheme, PutPayload,
    RetryConfig,
};
use tokio::runtime::Runtime;
use url::Url;

use crate::{FormatError, address};

/// Number of retries, and the time limit of all tries together.
const TRIES: usize = 3;
const TIME: Duration = Duration::from_secs(60);

/// A place in a bucket, or on a server.
#[derive(Clone)]
pub(crate) struct Bucket {
    store: Arc<dyn ObjectStore>,
    root: Key,
    /// As it was named.
    name: PathBuf,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the store's own text may contain credentials
        f.debug_tuple("Bucket").field(&self.name).finish()
    }
}

/// The message of an error, without anything that the library says.
fn said(error: &object_store::Error) -> String {
    use object_store::Error;
    let text = error.to_string();
    match error {
        _ if text.contains("NoSuchBucket") || text.contains("ContainerNotFound") => {
            "there is no such bucket".into()
        }
        Error::NotFound { .. } => "nothing is there".into(),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            "not permitted with the credentials of the environment".into()
        }
        Error::AlreadyExists { .. } => "it exists already".into(),
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            "the server gives no parts of files, which is asked for".into()
        }
        _ => match reason(error) {
            Some(reason) => format!("no answer: {reason}"),
            None => "the server refuses or does not answer".into(),
        },
    }
}

/// The kind of the system's error, if there is one among the causes.
fn reason(error: &dyn std::error::Error) -> Option<String> {
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<std::io::Error>() {
            return Some(io.kind().to_string());
        }
        next = source.source();
    }
    None
}

/// The runtime on which answers are awaited; the process has one.
fn runtime(name: &Path) -> Result<&'static Runtime, FormatError> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        // an error says that the process has chosen a provider of cryptography already, which serves as well
        let _ = rustls::crypto::ring::default_provider().install_default();
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().ok()
    });
    let none = || FormatError::Bucket {
        path: name.into(),
        what: "the system gives no threads to wait for answers".into(),
    };
    runtime.as_ref().ok_or_else(none)
}

impl Bucket {
    /// The place that an address names. No request is made yet.
    pub fn open(name: &Path) -> Result<Self, FormatError> {
        let wrong = |what: &str| FormatError::Bucket { path: name.into(), what: what.into() };
        let url = name.to_str().and_then(|text| Url::parse(text).ok());
        let url = url.ok_or_else(|| wrong("no address; write s3://bucket/path"))?;
        address::check(name)?;
        let (scheme, root) = ObjectStoreScheme::parse(&url)
            .map_err(|_| wrong("no address; write s3://bucket/path"))?;
        // it chooses the provider of cryptography, which a client needs
        runtime(name)?;
        let retry = RetryConfig { max_retries: TRIES, retry_timeout: TIME, ..Default::default() };
        let refused = |error: object_store::Error| wrong(&configured(&error));
        let store: Arc<dyn ObjectStore> = match scheme {
            ObjectStoreScheme::AmazonS3 => {
                let plain = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
                    .iter()
                    .any(|key| std::env::var(key).is_ok_and(|url| url.starts_with("http://")));
                let mut builder = object_store::aws::AmazonS3Builder::from_env().with_url(url);
                if plain {
                    builder = builder.with_allow_http(true);
                }
                Arc::new(builder.with_retry(retry).build().map_err(refused)?)
            }
            ObjectStoreScheme::GoogleCloudStorage => {
                let builder =
                    object_store::gcp::GoogleCloudStorageBuilder::from_env().with_url(url);
                Arc::new(builder.with_retry(retry).build().map_err(refused)?)
            }
            ObjectStoreScheme::MicrosoftAzure => {
                let builder = object_store::azure::MicrosoftAzureBuilder::from_env().with_url(url);
                Arc::new(builder.with_retry(retry).build().map_err(refused)?)
            }
            ObjectStoreScheme::Http => {
                let options = ClientOptions::new().with_allow_http(url.scheme() == "http");
                let server = &url[..url::Position::BeforePath];
                let builder = object_store::http::HttpBuilder::new().with_url(server);
                let builder = builder.with_client_options(options).with_retry(retry);
                Arc::new(builder.build().map_err(refused)?)
            }
            _ => return Err(wrong("known are s3://, gs://, az://, http:// and https://")),
        };
        Ok(Self { store, root, name: name.into() })
    }

    /// The address.
    pub fn name(&self) -> &Path {
        &self.name
    }

    fn key(&self, key: &str) -> Key {
        key.split('/')
            .filter(|part| !part.is_empty())
            .fold(self.root.clone(), |at, part| at.join(part))
    }

    fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, object_store::Error>>,
    ) -> Result<Result<T, object_store::Error>, FormatError> {
        Ok(runtime(&self.name)?.block_on(work))
    }

    fn failed(&self, key: &str, error: &object_store::Error) -> FormatError {
        let mut path = self.name.clone().into_os_string();
        if !key.is_empty() {
            path.push("/");
            path.push(key);
        }
        FormatError::Bucket { path: path.into(), what: said(error) }
    }

    /// Bytes of an object; `None` if it is not there.
    pub fn length(&self, key: &str) -> Result<Option<u64>, FormatError> {
        match self.wait(self.store.head(&self.key(key)))? {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    /// `length` bytes of an object from byte `start`.
    pub fn part(&self, key: &str, start: u64, length: u64) -> Result<Vec<u8>, FormatError> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let range = start..start.saturating_add(length);
        match self.wait(self.store.get_range(&self.key(key), range))? {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    /// Whether an object exists; an error if the bucket does not exist or access is not permitted.
    pub fn has(&self, key: &str) -> Result<bool, FormatError> {
        // the answer to HEAD has no body, and only the body says that the bucket is missing
        let options = GetOptions { range: Some((0..1).into()), ..GetOptions::default() };
        match self.wait(self.store.get_opts(&self.key(key), options))? {
            Ok(_) => Ok(true),
            Err(error @ object_store::Error::NotFound { .. }) => {
                let text = error.to_string();
                match text.contains("NoSuchBucket") || text.contains("ContainerNotFound") {
                    true => Err(self.failed("", &error)),
                    false => Ok(false),
                }
            }
            Err(error) => Err(self.failed("", &error)),
        }
    }

    /// Names of the folders at a place; none if the server does not list them.
    pub fn folders(&self, place: &str) -> Vec<String> {
        let listed = self.wait(self.store.list_with_delimiter(Some(&self.key(place))));
        let Ok(Ok(listed)) = listed else { return Vec::new() };
        let name = |key: &Key| key.filename().map(String::from);
        listed.common_prefixes.iter().filter_map(name).collect()
    }

    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), FormatError> {
        match self.wait(self.store.put(&self.key(key), PutPayload::from(bytes)))? {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(key, &error)),
        }
    }

    pub(crate) fn delete(&self, key: &str) {
        // an object that cannot be removed stays; without metadata it is not read as a store
        let _ = self.wait(self.store.delete(&self.key(key)));
    }
}

/// The message for a configuration that is refused before the first request.
fn configured(error: &object_store::Error) -> String {
    match error {
        object_store::Error::UnknownConfigurationKey { .. } => {
            "the environment holds a setting that is not known".into()
        }
        _ => "the environment does not say enough of it: region, account or endpoint".into(),
    }
}
