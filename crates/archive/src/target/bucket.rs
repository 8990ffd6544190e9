//! A bucket of any S3-compatible service as a target.
//!
//! What is put is covered by its signature, so that the service refuses what changed on the way; what is got, by the checksums of
//! its frames or by the hash in its name. Requests that fail for a reason that may pass are tried again, later each time.

use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use base::Timestamp;
use bytes::{Buf, Bytes};
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, GetOptions, GetRange, MultipartUpload, ObjectStore as _,
    ObjectStoreExt as _, PutMode, PutPayload, RetryConfig,
};
use tokio::runtime::{Builder, Runtime};

use super::settings::{Settings, Source};
use super::{Object, Target};
use crate::{Error, Result};

/// What is in memory of an object that is put. Larger ones go in parts of this size, of which there may be 10,000:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const PART_BYTES: usize = 16 * 1024 * 1024;
/// How long a request is tried: not too long, since the archiver tries again, and a server that stops waits for it.
const TRY_TIME: Duration = Duration::from_secs(15);
const TRIES_MAX: usize = 5;
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// No byte for so long: the connection is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);

pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: Path,
    /// For errors.
    told: Arc<Told>,
    thread: Arc<Thread>,
}

/// Where requests are made: the caller's thread may be one of a runtime, and must not run another.
struct Thread(Option<Runtime>);

impl Thread {
    fn start() -> Result<Thread> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("archive-bucket").enable_all().build();
        Ok(Thread(Some(runtime.map_err(Error::io("the bucket's thread did not start"))?)))
    }

    fn wait<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
        let ended = || io::Error::other("the bucket's thread has ended");
        let (sender, receiver) = sync_channel(1);
        self.0.as_ref().ok_or_else(ended)?.spawn(async move {
            // Whoever does not wait any more does not want to know.
            let _ = sender.send(future.await);
        });
        receiver.recv().map_err(|_| ended())
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Waiting is not allowed everywhere.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What an error says about the place.
struct Told {
    place: String,
    bucket: String,
    region: String,
    endpoint: Option<String>,
}

/// The bucket, as the environment says it is reached. Nothing is asked of it yet.
pub(super) fn open(place: &str, bucket: &str, prefix: &str) -> Result<Bucket> {
    let unsupported = |why: String| Error::Unsupported(place.into(), why);
    if bucket.is_empty() {
        return Err(unsupported("it names no bucket: s3://BUCKET/PREFIX is expected".into()));
    }
    let prefix = Path::parse(prefix).map_err(|error| unsupported(error.to_string()))?;
    let settings = Source { variable: &|name| std::env::var(name).ok() }.settings()?;
    // Another part of the program may have chosen already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let told = Told {
        place: place.into(),
        bucket: bucket.into(),
        region: settings.region.clone().unwrap_or_else(|| "us-east-1".into()),
        endpoint: settings.endpoint.clone(),
    };
    let store = build(&told, settings).map_err(|error| match error {
        Building::Store(error) => unsupported(text(&error)),
        Building::Settings(error) => error,
    })?;
    Ok(Bucket { store: Arc::new(store), prefix, told: Arc::new(told), thread: Arc::new(Thread::start()?) })
}

enum Building {
    Store(object_store::Error),
    Settings(Error),
}

fn build(told: &Told, settings: Settings) -> std::result::Result<AmazonS3, Building> {
    let mut options = ClientOptions::new()
        // A large object takes as long as it takes, while something comes.
        .with_timeout_disabled()
        .with_read_timeout(SILENCE_MAX)
        .with_connect_timeout(CONNECT_TIME)
        .with_allow_http(told.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")));
    if let Some(path) = &settings.authorities {
        let what = format!("{}, which AWS_CA_BUNDLE names, cannot be read", path.display());
        let pem = fs::read(path).map_err(Error::io(what)).map_err(Building::Settings)?;
        for certificate in Certificate::from_pem_bundle(&pem).map_err(Building::Store)? {
            options = options.with_root_certificate(certificate);
        }
    }
    // What is read there and not overwritten here are the credentials of a machine or container.
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&told.bucket)
        .with_region(&told.region)
        .with_client_options(options)
        .with_retry(RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(3), ..BackoffConfig::default() },
            max_retries: TRIES_MAX,
            retry_timeout: TRY_TIME,
        });
    builder = match &told.endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false),
        // A name with dots does not fit the certificate of *.s3.REGION.amazonaws.com.
        None => builder.with_virtual_hosted_style_request(!told.bucket.contains('.')),
    };
    if let Some(key) = settings.key {
        builder = builder.with_access_key_id(key.id).with_secret_access_key(key.secret);
        builder = match key.token {
            Some(token) => builder.with_token(token),
            None => builder,
        };
    }
    builder.build().map_err(Building::Store)
}

impl Bucket {
    fn path(&self, name: &str) -> Path {
        name.split('/').filter(|part| !part.is_empty()).fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        self.thread.wait(future)?.map_err(|error| self.told.failed(&error))
    }

    fn put_parts(
        &self,
        mut upload: Box<dyn MultipartUpload>,
        first: Bytes,
        content: &mut dyn Read,
    ) -> io::Result<Box<dyn MultipartUpload>> {
        let (mut part, mut failure) = (first, None);
        while !part.is_empty() && failure.is_none() {
            failure = self.wait(upload.put_part(PutPayload::from_bytes(part))).err();
            part = Bytes::new();
            if failure.is_none() {
                match next_part(content) {
                    Ok(next) => part = next,
                    Err(error) => failure = Some(error),
                }
            }
        }
        let Some(failure) = failure else { return Ok(upload) };
        // Why it failed is told; parts that stay behind are for the bucket's lifecycle rule to remove.
        if let Err(error) = self.wait(async move { upload.abort().await }) {
            tracing::warn!(%error, "an unfinished upload stays behind");
        }
        Err(failure)
    }
}

impl Target for Bucket {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        let (store, path) = (Arc::clone(&self.store), self.path(name));
        let first = next_part(content)?;
        if first.len() < PART_BYTES {
            return self.wait(async move { store.put(&path, first.into()).await }).map(drop);
        }
        let upload = self.wait(async move { store.put_multipart(&path).await })?;
        let mut upload = self.put_parts(upload, first, content)?;
        self.wait(async move { upload.complete().await }).map(drop)
    }

    fn create(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        let (store, path) = (Arc::clone(&self.store), self.path(name));
        let content = PutPayload::from(Bytes::copy_from_slice(content));
        let (there, copy) = (path.clone(), content.clone());
        let created = self.thread.wait(async move {
            match store.put_opts(&path, content, PutMode::Create.into()).await {
                // A service without conditions: whoever creates looks afterwards whose it is.
                Err(error) if is_unknown(&error) => match store.head(&there).await {
                    Err(object_store::Error::NotFound { .. }) => store.put(&there, copy).await,
                    Err(error) => Err(error),
                    Ok(_) => Err(object_store::Error::AlreadyExists { path: there.to_string(), source: error.into() }),
                },
                put => put,
            }
        })?;
        match created {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.told.failed(&error)),
        }
    }

    fn get_from(&self, name: &str, from: u64) -> io::Result<Box<dyn Read + Send>> {
        let (store, path) = (Arc::clone(&self.store), self.path(name));
        let range = (from > 0).then_some(GetRange::Offset(from));
        let stream = self.wait(async move {
            let options = GetOptions { range, ..GetOptions::default() };
            Ok(store.get_opts(&path, options).await?.into_stream())
        })?;
        let (thread, told) = (Arc::clone(&self.thread), Arc::clone(&self.told));
        Ok(Box::new(Content { thread, told, stream: Some(stream), part: Bytes::new() }))
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<Object>> {
        let (store, path) = (Arc::clone(&self.store), self.path(prefix));
        let found = self.wait(async move { store.list(Some(&path)).try_collect::<Vec<_>>().await })?;
        let mut objects = Vec::with_capacity(found.len());
        for meta in found {
            let parts = meta.location.prefix_match(&self.prefix);
            let name = parts.map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"));
            let put = Timestamp(u64::try_from(meta.last_modified.timestamp_millis()).unwrap_or(0));
            objects.extend(name.map(|name| Object { name, put }));
        }
        objects.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(objects)
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        let (store, path) = (Arc::clone(&self.store), self.path(name));
        match self.wait(async move { store.delete(&path).await }) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// An object that is being got.
struct Content {
    thread: Arc<Thread>,
    told: Arc<Told>,
    stream: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    part: Bytes,
}

impl Read for Content {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            let Some(mut stream) = self.stream.take() else { return Ok(0) };
            let next = self.thread.wait(async move {
                let next = stream.next().await;
                (next, stream)
            });
            let (next, stream) = next?;
            let Some(part) = next else { return Ok(0) };
            self.part = part.map_err(|error| self.told.broken_off(&error))?;
            self.stream = Some(stream);
        }
        (&mut self.part).reader().read(out)
    }
}

fn next_part(content: &mut dyn Read) -> io::Result<Bytes> {
    let mut part = Vec::new();
    content.take(PART_BYTES as u64).read_to_end(&mut part)?;
    Ok(part.into())
}

/// An error and its causes, each once.
fn text(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Whether the service says that it does not have what was asked of it.
fn is_unknown(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotImplemented { .. })
        || element(&text(error), "Code") == Some("NotImplemented")
}

/// What an element of an XML answer holds.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split_once(&format!("<{name}>"))?.1.split_once("</").map(|(content, _)| content)
}

impl Told {
    /// What happened, why, and what to do: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
    fn failed(&self, error: &object_store::Error) -> io::Error {
        let whole = text(error);
        let code = element(&whole, "Code").unwrap_or_default();
        let said = element(&whole, "Message").map(|message| format!(" ({code}: {message})")).unwrap_or_default();
        let missing = matches!(error, object_store::Error::NotFound { .. });
        let (kind, why) = match code {
            "NoSuchBucket" => (io::ErrorKind::NotConnected, self.no_bucket()),
            _ if missing => (io::ErrorKind::NotFound, "it is not there".to_owned()),
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => {
                (io::ErrorKind::PermissionDenied, self.no_permission())
            }
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "InvalidClientTokenId" => {
                let why =
                    "the credentials are refused: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile";
                (io::ErrorKind::PermissionDenied, why.to_owned())
            }
            "RequestTimeTooSkewed" => (io::ErrorKind::PermissionDenied, "this machine's clock is wrong".to_owned()),
            "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException" => {
                (io::ErrorKind::InvalidInput, self.wrong_region())
            }
            "SlowDown" | "InternalError" | "ServiceUnavailable" | "RequestTimeout" => {
                (io::ErrorKind::TimedOut, "the service has no time for it".to_owned())
            }
            "" => self.without_code(error, &whole),
            _ => (io::ErrorKind::Other, "the service refuses it".to_owned()),
        };
        io::Error::new(kind, format!("{}: {why}{said}", self.place))
    }

    /// An answer that had begun: what the service did not refuse by then is the network's doing.
    fn broken_off(&self, error: &object_store::Error) -> io::Error {
        match self.failed(error) {
            error if error.kind() == io::ErrorKind::Other => io::Error::new(io::ErrorKind::ConnectionAborted, error),
            error => error,
        }
    }

    /// No answer that S3 would give.
    fn without_code(&self, error: &object_store::Error, whole: &str) -> (io::ErrorKind, String) {
        let at = self.endpoint.as_deref().unwrap_or("S3");
        if whole.contains("169.254.") {
            let why = "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (this machine has \
                       none of its own)";
            (io::ErrorKind::PermissionDenied, why.to_owned())
        } else if whole.contains("Received redirect without LOCATION") {
            (io::ErrorKind::InvalidInput, self.wrong_region())
        } else if matches!(
            error,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
        ) {
            (io::ErrorKind::PermissionDenied, self.no_permission())
        } else if whole.contains("certificate") || whole.contains("UnknownIssuer") {
            let why = format!(
                "the certificate of {at} is not trusted (AWS_CA_BUNDLE names a file with those to trust): {whole}"
            );
            (io::ErrorKind::InvalidData, why)
        } else if whole.contains("error sending request") || whole.contains("onnect") {
            (io::ErrorKind::NotConnected, format!("{at} cannot be reached: {whole}"))
        } else if whole.contains("status code: 5") {
            (io::ErrorKind::TimedOut, format!("{at} has no time for it: {whole}"))
        } else {
            (io::ErrorKind::Other, whole.to_owned())
        }
    }

    fn no_bucket(&self) -> String {
        let at = self.endpoint.as_deref().unwrap_or(&self.region);
        format!("there is no bucket '{}' at {at}: make it, or correct its name or AWS_ENDPOINT_URL_S3", self.bucket)
    }

    fn no_permission(&self) -> String {
        let bucket = &self.bucket;
        format!(
            "the credentials have no permission: s3:ListBucket on arn:aws:s3:::{bucket}, and s3:GetObject, s3:PutObject and \
             s3:DeleteObject on arn:aws:s3:::{bucket}/* are needed"
        )
    }

    fn wrong_region(&self) -> String {
        format!("the bucket is not in region {}: set AWS_REGION to the bucket's", self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &object_store::Error) -> String {
        let (place, bucket, region) = ("s3://b/p".into(), "b".into(), "eu-west-1".into());
        Told { place, bucket, region, endpoint: None }.failed(error).to_string()
    }

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn an_error_says_what_to_do() {
        let answer = |code: &str| format!("<Error><Code>{code}</Code><Message>M.</Message></Error>");
        for (error, word) in [
            (generic(&answer("AuthorizationHeaderMalformed")), "not in region eu-west-1: set AWS_REGION"),
            (generic(&answer("PermanentRedirect")), "not in region eu-west-1"),
            (generic("Received redirect without LOCATION, this"), "not in region eu-west-1"),
            (generic(&answer("RequestTimeTooSkewed")), "clock is wrong (RequestTimeTooSkewed: M.)"),
            (generic(&answer("ExpiredToken")), "credentials are refused"),
            (generic(&answer("SlowDown")), "no time for it (SlowDown: M.)"),
            (generic(&answer("InvalidRequest")), "refuses it (InvalidRequest: M.)"),
            (generic("GET http://169.254.169.254/latest"), "there are no credentials"),
            (object_store::Error::PermissionDenied { path: "x".into(), source: "403".into() }, "arn:aws:s3:::b/*"),
        ] {
            let told = told(&error);
            assert!(told.starts_with("s3://b/p: ") && told.contains(word), "{told}");
        }
    }
}
