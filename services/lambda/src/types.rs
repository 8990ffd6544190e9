//! What Lambda stores. Times are moments in milliseconds, durations are seconds, as in the API.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blob::BlobId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sources::StreamSettings;

use crate::limits;

/// What all versions of a function have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    pub name: String,
    pub arn: Arn,
    /// The number that the next published version gets. Never goes back.
    pub next_version: u64,
    pub tags: BTreeMap<String, String>,
    /// Executions that are set aside for this function, and that it cannot exceed.
    pub reserved_concurrency: Option<u32>,
    /// `RecursiveLoop` `Allow`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recursion_allowed: bool,
}
kv::stored!(Function, version = 1);

/// One version: `$LATEST`, which changes, or a published one, which does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Zero for `$LATEST`.
    pub number: u64,
    pub description: String,
    pub settings: Settings,
    pub code: Code,
    /// In the order in which they are laid over each other.
    pub layers: Vec<LayerUse>,
    pub modified: Timestamp,
    pub revision: String,
    /// `UpdateRuntimeOn` `FunctionUpdate`, rather than `Auto`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub runtime_on_update: bool,
}
kv::stored!(Version, version = 1);

/// What can be set on a function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Lambda's identifier: `python3.12`.
    pub runtime: String,
    pub handler: String,
    pub role: Arn,
    pub timeout_seconds: u32,
    pub memory_mb: u32,
    pub ephemeral_storage_mb: u32,
    pub environment: BTreeMap<String, String>,
    /// The queue for asynchronous events that failed.
    pub dead_letter: Option<Arn>,
    pub architecture: String,
    /// `TracingConfig` `Active`.
    pub tracing: bool,
    /// Where it is not `/aws/lambda/` and the name.
    pub log_group: Option<String>,
    /// `SnapStart` `PublishedVersions`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub snap_start: bool,
    /// `LogFormat` `JSON`, with the levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_logs: Option<JsonLogs>,
}

impl Settings {
    /// What a function is like that says no more than this.
    /// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
    pub fn new(runtime: String, handler: String, role: Arn) -> Settings {
        Settings {
            runtime,
            handler,
            role,
            timeout_seconds: limits::TIMEOUT_SECONDS_DEFAULT,
            memory_mb: limits::MEMORY_MB_DEFAULT,
            ephemeral_storage_mb: limits::EPHEMERAL_STORAGE_MB_DEFAULT,
            environment: BTreeMap::new(),
            dead_letter: None,
            architecture: "x86_64".into(),
            tracing: false,
            log_group: None,
            snap_start: false,
            json_logs: None,
        }
    }
}

/// The least that a log in JSON has of a function's own records and of Lambda's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonLogs {
    pub application_level: String,
    pub system_level: String,
}

/// Leaves a field out that an earlier release did not have: what it does not say is not written.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields on by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A deployment package: its zip file is the blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    pub blob: BlobId,
    pub bytes: u64,
    pub unpacked_bytes: u64,
}

impl Code {
    /// The hash of the zip file, as the API shows it.
    pub fn sha256(&self) -> String {
        STANDARD.encode(self.blob.as_bytes())
    }
}

/// A layer as a function uses it. It keeps its code even when the layer version is deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerUse {
    /// Of the layer version.
    pub arn: Arn,
    pub code: Code,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    pub name: String,
    /// Zero for `$LATEST`.
    pub version: u64,
    /// A second version, and the share of invocations that it takes, from 0 to 1.
    pub weighted: Option<(u64, f64)>,
    pub description: String,
    pub revision: String,
}
kv::stored!(Alias, version = 1);

/// The resource policy of a function, or of one of its versions or aliases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// By statement id; each is a statement's JSON.
    pub statements: BTreeMap<String, String>,
    pub revision: String,
}
kv::stored!(Policy, version = 1);

/// How asynchronous events are treated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventConfig {
    pub retry_attempts: Option<u32>,
    pub age_seconds: Option<u32>,
    pub on_success: Option<Arn>,
    pub on_failure: Option<Arn>,
    pub modified: Timestamp,
}
kv::stored!(EventConfig, version = 1);

/// An asynchronous event on its way to its function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The same for every attempt.
    pub request_id: String,
    pub payload: Bytes,
    pub client_context: Option<String>,
    pub accepted: Timestamp,
    /// How often the function has failed on it.
    pub failures: u32,
    /// The trace header of who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}
kv::stored!(Event, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerVersion {
    pub name: String,
    pub number: u64,
    /// Of the version.
    pub arn: Arn,
    pub description: String,
    pub license: Option<String>,
    pub runtimes: Vec<String>,
    pub architectures: Vec<String>,
    pub code: Code,
    pub created: Timestamp,
}
kv::stored!(LayerVersion, version = 1);

/// An event source mapping: a queue or a stream whose messages or records a function gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    pub id: String,
    pub source: Arn,
    /// As it was given: without a qualifier, or with one.
    pub function: Arn,
    pub enabled: bool,
    pub batch_size: u32,
    pub window_seconds: u32,
    /// Whether the function tells which messages of a batch failed.
    pub reports_failures: bool,
    /// Patterns, one of which a message must match; without any, all do.
    pub filters: Vec<String>,
    pub concurrency: Option<u32>,
    pub modified: Timestamp,
    pub tags: BTreeMap<String, String>,
    /// Where the source is a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSettings>,
}
kv::stored!(Mapping, version = 1);

/// The URL of a function or of one of its aliases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionUrl {
    /// The first part of its host name.
    pub id: String,
    /// `AuthType` `AWS_IAM`.
    pub signed: bool,
    /// `InvokeMode` `RESPONSE_STREAM`.
    pub streams: bool,
    pub cors: Option<Cors>,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Whether its users need to be allowed to invoke the function, too: those of older URLs do not, as on AWS.
    #[serde(default)]
    pub needs_invoke: bool,
}
kv::stored!(FunctionUrl, version = 1);

/// What pages of other origins may do with a function URL. What was not given is not shown either.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cors {
    pub allow_credentials: Option<bool>,
    pub allow_headers: Option<Vec<String>>,
    pub allow_methods: Option<Vec<String>>,
    pub allow_origins: Option<Vec<String>>,
    pub expose_headers: Option<Vec<String>>,
    pub max_age: Option<u32>,
}

impl Cors {
    pub fn rules(&self) -> proxy::cors::Rules<'_> {
        fn list(list: &Option<Vec<String>>) -> &[String] {
            list.as_deref().unwrap_or_default()
        }
        proxy::cors::Rules {
            allow_credentials: self.allow_credentials.unwrap_or_default(),
            allow_headers: list(&self.allow_headers),
            allow_methods: list(&self.allow_methods),
            allow_origins: list(&self.allow_origins),
            expose_headers: list(&self.expose_headers),
            max_age: self.max_age.and_then(|age| i32::try_from(age).ok()),
        }
    }
}

/// Instances that a version or an alias has ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provisioned {
    pub requested: u32,
    pub modified: Timestamp,
}
kv::stored!(Provisioned, version = 1);

/// What a URL's id stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UrlOwner {
    pub region: String,
    pub account: String,
    pub function: String,
    /// An alias, or `$LATEST`.
    pub qualifier: String,
}
kv::stored!(UrlOwner, version = 1);

#[cfg(test)]
mod tests {
    use std::ops::Add as _;

    use kv::Stored;

    use super::*;

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    fn golden<T: Stored + PartialEq + std::fmt::Debug>(value: &T, bytes: &str) {
        let stored = value.to_bytes().unwrap();
        assert_eq!(hex::encode(&stored), bytes.replace(char::is_whitespace, ""));
        assert_eq!(T::from_bytes(&stored).unwrap(), *value);
    }

    fn arn(text: &str) -> Arn {
        text.parse().unwrap()
    }

    fn code() -> Code {
        Code { blob: BlobId::from([7; 32]), bytes: 300, unpacked_bytes: 900 }
    }

    fn map(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.into(), value.into())])
    }

    #[test]
    fn functions_do_not_drift() {
        let function = Function {
            name: "f".into(),
            arn: arn("arn:aws:lambda:r:0:function:f"),
            next_version: 2,
            tags: map("k", "v"),
            reserved_concurrency: Some(5),
            recursion_allowed: false,
        };
        golden(&function, FUNCTION);
        let version = Version {
            number: 1,
            description: "d".into(),
            settings: Settings {
                environment: map("A", "b"),
                architecture: "arm64".into(),
                tracing: true,
                log_group: Some("g".into()),
                ..Settings::new("python3.12".into(), "a.b".into(), arn("arn:aws:iam::0:role/r"))
            },
            code: code(),
            layers: vec![LayerUse { arn: arn("arn:aws:lambda:r:0:layer:l:1"), code: code() }],
            modified: Timestamp(9),
            revision: "x".into(),
            runtime_on_update: false,
        };
        golden(&version, VERSION);
    }

    #[test]
    fn what_belongs_to_functions_does_not_drift() {
        let alias = Alias {
            name: "a".into(),
            version: 1,
            weighted: Some((2, 0.25)),
            description: "d".into(),
            revision: "x".into(),
        };
        golden(&alias, ALIAS);
        golden(&Policy { statements: map("s", "{}"), revision: "x".into() }, POLICY);
        let config = EventConfig {
            retry_attempts: Some(1),
            age_seconds: None,
            on_success: Some(arn("arn:aws:sqs:r:0:q")),
            on_failure: None,
            modified: Timestamp(9),
        };
        golden(&config, EVENT_CONFIG);
        let event = Event {
            request_id: "i".into(),
            payload: Bytes::from_static(b"{}"),
            client_context: None,
            accepted: Timestamp(9),
            failures: 1,
            trace: None,
        };
        golden(&event, EVENT);
    }

    #[test]
    fn layers_and_mappings_do_not_drift() {
        let layer = LayerVersion {
            name: "l".into(),
            number: 1,
            arn: arn("arn:aws:lambda:r:0:layer:l:1"),
            description: "d".into(),
            license: None,
            runtimes: vec!["python3.12".into()],
            architectures: Vec::new(),
            code: code(),
            created: Timestamp(9),
        };
        golden(&layer, LAYER);
        let mapping = Mapping {
            id: "i".into(),
            source: arn("arn:aws:sqs:r:0:q"),
            function: arn("arn:aws:lambda:r:0:function:f"),
            enabled: true,
            batch_size: 10,
            window_seconds: 1,
            reports_failures: true,
            filters: vec!["{}".into()],
            concurrency: Some(2),
            modified: Timestamp(9),
            tags: BTreeMap::new(),
            stream: None,
        };
        golden(&mapping, MAPPING);
        let stream = StreamSettings {
            from: None,
            start: "LATEST".into(),
            lanes: 2,
            retries: Some(3),
            age_seconds: None,
            bisect: true,
            tumbling_seconds: None,
            on_failure: Some(arn("arn:aws:sqs:r:0:q")),
        };
        let of_stream = Mapping { stream: Some(stream), ..mapping };
        golden(&of_stream, &MAPPING.trim_start().replacen("018b", "018c", 1).add(STREAM_SETTINGS));
    }

    #[test]
    fn urls_do_not_drift() {
        let cors = Cors { allow_origins: Some(vec!["*".into()]), max_age: Some(5), ..Cors::default() };
        let url = FunctionUrl {
            id: "u".into(),
            signed: true,
            streams: false,
            cors: Some(cors),
            created: Timestamp(8),
            modified: Timestamp(9),
            needs_invoke: true,
        };
        golden(&url, URL);
        let older: Vec<u8> = hex::decode(OLDER_URL.split_whitespace().collect::<String>()).unwrap();
        assert_eq!(FunctionUrl::from_bytes(&older.into()).unwrap(), FunctionUrl { needs_invoke: false, ..url });
        let text = |text: &str| text.to_owned();
        let owner = UrlOwner { region: text("r"), account: text("0"), function: text("f"), qualifier: text("$LATEST") };
        golden(&owner, URL_OWNER);
    }

    #[test]
    fn provisioned_concurrency_does_not_drift() {
        golden(&Provisioned { requested: 5, modified: Timestamp(9) }, PROVISIONED);
    }

    const FUNCTION: &str = "
        0185a46e616d65a166a361726ebd61726e3a6177733a6c616d6264613a723a303a66756e6374696f6e3a66ac6e6578745f766572
        73696f6e02a47461677381a16ba176b472657365727665645f636f6e63757272656e637905";
    const VERSION: &str = "
        0187a66e756d62657201ab6465736372697074696f6ea164a873657474696e67738ba772756e74696d65aa707974686f6e332e31
        32a768616e646c6572a3612e62a4726f6c65b561726e3a6177733a69616d3a3a303a726f6c652f72af74696d656f75745f736563
        6f6e647303a96d656d6f72795f6d62cc80b4657068656d6572616c5f73746f726167655f6d62cd0200ab656e7669726f6e6d656e
        7481a141a162ab646561645f6c6574746572c0ac617263686974656374757265a561726d3634a774726163696e67c3a96c6f675f
        67726f7570a167a4636f646583a4626c6f62d9403037303730373037303730373037303730373037303730373037303730373037
        3037303730373037303730373037303730373037303730373037303730373037a56279746573cd012cae756e7061636b65645f62
        79746573cd0384a66c61796572739182a361726ebc61726e3a6177733a6c616d6264613a723a303a6c617965723a6c3a31a4636f
        646583a4626c6f62d940303730373037303730373037303730373037303730373037303730373037303730373037303730373037
        30373037303730373037303730373037303730373037a56279746573cd012cae756e7061636b65645f6279746573cd0384a86d6f
        64696669656409a87265766973696f6ea178";
    const ALIAS: &str = "
        0185a46e616d65a161a776657273696f6e01a877656967687465649202cb3fd0000000000000ab6465736372697074696f6ea164
        a87265766973696f6ea178";
    const POLICY: &str = "
        0182aa73746174656d656e747381a173a27b7da87265766973696f6ea178";
    const EVENT_CONFIG: &str = "
        0185ae72657472795f617474656d70747301ab6167655f7365636f6e6473c0aa6f6e5f73756363657373b161726e3a6177733a73
        71733a723a303a71aa6f6e5f6661696c757265c0a86d6f64696669656409";
    const EVENT: &str = "
        0185aa726571756573745f6964a169a77061796c6f6164c4027b7dae636c69656e745f636f6e74657874c0a86163636570746564
        09a86661696c7572657301";
    const LAYER: &str = "
        0189a46e616d65a16ca66e756d62657201a361726ebc61726e3a6177733a6c616d6264613a723a303a6c617965723a6c3a31ab64
        65736372697074696f6ea164a76c6963656e7365c0a872756e74696d657391aa707974686f6e332e3132ad617263686974656374
        7572657390a4636f646583a4626c6f62d94030373037303730373037303730373037303730373037303730373037303730373037
        303730373037303730373037303730373037303730373037303730373037a56279746573cd012cae756e7061636b65645f627974
        6573cd0384a76372656174656409";
    const URL: &str = "
        0187a26964a175a67369676e6564c3a773747265616d73c2a4636f727386b1616c6c6f775f63726564656e7469616c73c0ad616c
        6c6f775f68656164657273c0ad616c6c6f775f6d6574686f6473c0ad616c6c6f775f6f726967696e7391a12aae6578706f73655f
        68656164657273c0a76d61785f61676505a76372656174656408a86d6f64696669656409ac6e656564735f696e766f6b65c3";
    const OLDER_URL: &str = "
        0186a26964a175a67369676e6564c3a773747265616d73c2a4636f727386b1616c6c6f775f63726564656e7469616c73c0ad616c
        6c6f775f68656164657273c0ad616c6c6f775f6d6574686f6473c0ad616c6c6f775f6f726967696e7391a12aae6578706f73655f
        68656164657273c0a76d61785f61676505a76372656174656408a86d6f64696669656409";
    const URL_OWNER: &str = "
        0184a6726567696f6ea172a76163636f756e74a130a866756e6374696f6ea166a97175616c6966696572a7244c4154455354";
    const PROVISIONED: &str = "
        0182a972657175657374656405a86d6f64696669656409";
    const STREAM_SETTINGS: &str = "
        a673747265616d87a57374617274a64c4154455354a56c616e657302a77265747269657303ab6167655f7365636f6e6473c0a662
        6973656374c3b074756d626c696e675f7365636f6e6473c0aa6f6e5f6661696c757265b161726e3a6177733a7371733a723a303a
        71";
    const MAPPING: &str = "
        018ba26964a169a6736f75726365b161726e3a6177733a7371733a723a303a71a866756e6374696f6ebd61726e3a6177733a6c61
        6d6264613a723a303a66756e6374696f6e3a66a7656e61626c6564c3aa62617463685f73697a650aae77696e646f775f7365636f
        6e647301b07265706f7274735f6661696c75726573c3a766696c7465727391a27b7dab636f6e63757272656e637902a86d6f6469
        6669656409a47461677380";
}
