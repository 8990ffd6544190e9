//! The operations, a file for each kind of thing they work on.

pub mod account;
pub mod consumer;
pub mod describe;
pub mod get;
pub mod list;
pub mod put;
pub mod resource_policy;
pub mod scaling;
pub mod settings;
pub mod stream;
pub mod subscribe;
pub mod tag;

use base::Arn;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::{CallerKind, Cx, Error as ServiceError, Permission};

use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::model::{consumer as consumers, policy, stream as streams};

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// A request that names a stream, by its name or its ARN.
pub trait OfStream {
    fn stream_name(&self) -> Option<&str>;
    fn stream_arn(&self) -> Option<&str>;

    /// Adds what is wrong with how the stream is named.
    fn check_stream(&self, constraints: &mut Constraints) {
        constraints.arn(self.stream_arn(), "streamARN");
        constraints.name(self.stream_name(), "streamName");
        if self.stream_arn().is_none() {
            constraints.required(&self.stream_name(), "streamName");
        }
    }

    /// The stream's ARN.
    ///
    /// # Errors
    /// `InvalidArgument` when name and ARN are of two streams, `ResourceNotFound` when it is another account's.
    fn arn(&self, cx: &Cx) -> Result<Arn, Error> {
        let Some(text) = self.stream_arn() else {
            return Ok(cx.arn("kinesis", format!("stream/{}", self.stream_name().unwrap_or_default())));
        };
        let arn = own(cx, text)?;
        if streams::name(&arn).is_empty() || streams::name(&arn).contains('/') {
            return Err(Error::InvalidArgument(format!("{text} is not the ARN of a stream.")));
        }
        if self.stream_name().is_some_and(|name| name != streams::name(&arn)) {
            return Err(Error::InvalidArgument("StreamName and StreamARN are of different streams.".into()));
        }
        Ok(arn)
    }

    /// What permission is needed for: what cannot be a stream is refused later, by the operation.
    fn resource(&self, cx: &Cx) -> String {
        let named = || cx.arn("kinesis", format!("stream/{}", self.stream_name().unwrap_or("*"))).to_string();
        self.stream_arn().map_or_else(named, str::to_owned)
    }
}

macro_rules! of_stream {
    ($($input:ty),* $(,)?) => {$(
        impl $crate::ops::OfStream for $input {
            fn stream_name(&self) -> Option<&str> {
                self.stream_name.as_deref()
            }

            fn stream_arn(&self) -> Option<&str> {
                self.stream_arn.as_deref()
            }
        }
    )*};
}
pub(crate) use of_stream;

/// A request that names nothing but a stream.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StreamInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
}
of_stream!(StreamInput);

/// An ARN of this account.
fn own(cx: &Cx, text: &str) -> Result<Arn, Error> {
    let arn: Arn = text.parse().map_err(|_| Error::InvalidArgument(format!("{text} is not an ARN.")))?;
    match consumers::parse(&arn) {
        _ if arn.account == cx.account().as_str() => Ok(arn),
        Some((_, name)) => Err(consumers::missing(name, &arn.account)),
        None => Err(streams::missing(&arn)),
    }
}

/// Permission for an operation on the stream that the request names.
pub fn on_stream<I: OfStream>(
    action: &'static str,
) -> impl Fn(&Kinesis, &Cx, &I) -> Result<Vec<Permission>, ServiceError> {
    move |_, cx, input| Ok(vec![permission(cx, action, input.resource(cx))?])
}

/// Permission for `action` on a stream or consumer, whose own policy has a say too.
///
/// # Errors
/// When the resource's policy cannot be read.
pub fn permission(cx: &Cx, action: &str, arn: String) -> Result<Permission, ServiceError> {
    let is_limited = !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System);
    let resource_policy = match arn.parse::<Arn>() {
        Ok(resource) if is_limited => policy::find(&cx.db().read()?, &resource).map_err(ServiceError::from)?,
        _ => None,
    };
    Ok(Permission { resource_policy, ..Permission::new(action, arn) })
}

/// What a page may have: what was asked for, but not more than `most`.
fn page_size(asked: Option<i64>, most: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).map_or(most, |asked| asked.min(most))
}

/// An opaque token with what the next page begins with.
fn token(of: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(of).map_err(|error| kv::Error::corrupt("a token", error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// # Errors
/// `InvalidArgument` for what is no token of ours.
fn from_token<T: DeserializeOwned>(token: &str) -> Result<T, Error> {
    let read = URL_SAFE_NO_PAD.decode(token).ok().and_then(|json| serde_json::from_slice(&json).ok());
    read.ok_or_else(|| Error::InvalidArgument("NextToken is invalid.".into()))
}
