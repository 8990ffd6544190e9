//! GetStatus: what runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use archive::{Archiver, Progress};
use base::Region;
use cloudfront::CloudFront;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{BoxFuture, Cx, Error, outbox};

use super::{Control, stacks};

/// Who knows which function instances run: as JSON, for people and programs to read.
pub trait Instances: Send + Sync {
    fn status(&self) -> BoxFuture<Value>;

    /// What has become of a function's executions since the server started, by version.
    fn executions(&self, region: &Region, function: &str) -> BTreeMap<String, lambda::Count>;
}

/// Deliveries that are counted one by one; more are shown as this many.
const WAITING_COUNTED_MAX: usize = 10_000;
const CERTIFICATES_SHOWN_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
pub struct StatusInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    pub version: &'static str,
    pub account: String,
    pub region: String,
    pub endpoint: String,
    /// Bytes that the store takes on disk.
    pub store_bytes: u64,
    /// Whether the store takes writes, or why not.
    pub store: String,
    /// Deliveries between services that wait in the outbox.
    pub deliveries_waiting: usize,
    pub stacks: Vec<String>,
    pub functions: Value,
    /// What the cache of distributions has done since the start, and what is in it, by the ends of the names of metrics: `hits`.
    pub cdn: BTreeMap<&'static str, f64>,
    /// Of the names that owners have chosen for what is theirs, where this server speaks TLS: at most a thousand.
    pub certificates: Vec<Certificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
}

/// How it stands with the certificate for a name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Certificate {
    pub name: String,
    /// When the one ends that is shown, in ISO 8601, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What is in the way of one, or of the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

fn certificates(cx: &Cx) -> Vec<Certificate> {
    let mut names = cx.cloud().chosen_hosts();
    names.sort_unstable();
    let standing = |name: String| {
        let of = cx.cloud().certificate(&name)?;
        Some(Certificate { name, until: of.until.map(base::Timestamp::iso8601), message: of.message() })
    };
    names.into_iter().filter_map(standing).take(CERTIFICATES_SHOWN_MAX).collect()
}

/// How far the archive is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Archive {
    /// What would be lost with the server's disk now: what was committed in this time. That since 1970, while nobody knows.
    pub lag_seconds: f64,
    /// Everything committed before this moment is in it, in ISO 8601, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Deleted packages of code that stay until they are archived, and their bytes.
    pub held: u64,
    pub held_bytes: u64,
    /// Why it does not get further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The first moment of this store that can be brought back, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Why what is too old could not be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune_failure: Option<String>,
}

fn archive(archiver: &Archiver) -> Archive {
    let Progress { until, failure, first, stays, .. } = archiver.progress();
    let held = archiver.held();
    Archive {
        lag_seconds: archiver.lag().as_secs_f64(),
        until: until.map(base::Timestamp::iso8601),
        held: held.blobs,
        held_bytes: held.bytes,
        failure,
        since: first.map(base::Timestamp::iso8601),
        prune_failure: stays,
    }
}

fn cdn(cdn: &CloudFront) -> BTreeMap<&'static str, f64> {
    let named = |name: &'static str| name.strip_prefix("cloudlet_cdn_").unwrap_or(name);
    cdn.gauges().into_iter().map(|(name, _, value)| (named(name), value)).collect()
}

pub async fn get(control: Arc<Control>, cx: Cx, _: StatusInput) -> Result<Status, Error> {
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        account: cx.account().to_string(),
        region: cx.region().to_string(),
        endpoint: cx.endpoint().to_owned(),
        store_bytes: cx.db().stats()?.disk_bytes,
        store: cx.db().health().map_or_else(|error| error.to_string(), |()| "healthy".to_owned()),
        deliveries_waiting: outbox::waiting(&cx, WAITING_COUNTED_MAX)?,
        stacks: stacks::names(&cx)?,
        functions: control.instances.status().await,
        cdn: cdn(&control.cdn),
        certificates: certificates(&cx),
        archive: control.archiver.as_deref().map(archive),
    })
}
