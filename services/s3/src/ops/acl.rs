//! GetBucketAcl, GetObjectAcl, PutBucketAcl, PutObjectAcl, and what access control lists say.
//!
//! There is one account: its own, everybody, and whoever has signed can be granted something. New buckets have no lists, as S3 makes
//! them since 2023; one gets them with another object ownership.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::bucket::{BucketInput, Empty, Owner, owner};
use super::put::shown_version;
use super::tag::ObjectInput;
use super::{bucket_permission, on_version};
use crate::S3;
use crate::error::Error;
use crate::limits;
use crate::model::acl;
use crate::model::setting::{self, Kind};
use crate::model::{bucket, object};
use crate::notify::{News, tell};
use crate::types::{Grant, Grantee, Right};

const EVERYBODY: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// What an access control list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Bucket,
    Object,
}

impl Grantee {
    fn uri(self) -> Option<&'static str> {
        match self {
            Grantee::Owner => None,
            Grantee::Everybody => Some(EVERYBODY),
            Grantee::Authenticated => Some(AUTHENTICATED),
            Grantee::LogDelivery => Some(LOG_DELIVERY),
        }
    }

    fn of_uri(uri: &str) -> Result<Grantee, Error> {
        let all = [Grantee::Everybody, Grantee::Authenticated, Grantee::LogDelivery];
        let found = all.into_iter().find(|grantee| grantee.uri() == Some(uri));
        found.ok_or_else(|| Error::argument("uri", uri, "Invalid group uri"))
    }

    fn of_id(cx: &Cx, id: &str) -> Result<Grantee, Error> {
        if id == owner(cx).id {
            return Ok(Grantee::Owner);
        }
        Err(Error::argument("CanonicalUser/ID", id, "Invalid id"))
    }

    fn of_email(_: &str) -> Result<Grantee, Error> {
        let message = "The e-mail address you provided does not match any account on record.";
        Err(Error::Told(service::Error::new(400, "UnresolvableGrantByEmailAddress", message)))
    }
}

/// What every bucket's and object's owner may.
const OWNERS: Grant = Grant { grantee: Grantee::Owner, right: Right::FullControl };

/// A list by its name; `None` for one that S3 does not know.
fn canned(name: &str, of: Of) -> Option<Vec<Grant>> {
    let with = |grants: &[(Grantee, Right)]| {
        let others = grants.iter().map(|(grantee, right)| Grant { grantee: *grantee, right: *right });
        Some([OWNERS].into_iter().chain(others).collect())
    };
    match (name, of) {
        ("private", _) | ("bucket-owner-read" | "bucket-owner-full-control" | "aws-exec-read", Of::Object) => with(&[]),
        ("public-read", _) => with(&[(Grantee::Everybody, Right::Read)]),
        ("public-read-write", _) => with(&[(Grantee::Everybody, Right::Read), (Grantee::Everybody, Right::Write)]),
        ("authenticated-read", _) => with(&[(Grantee::Authenticated, Right::Read)]),
        ("log-delivery-write", Of::Bucket) => {
            with(&[(Grantee::LogDelivery, Right::Write), (Grantee::LogDelivery, Right::ReadAcp)])
        }
        _ => None,
    }
}

/// What comes as headers with a bucket, an object, or a list of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AclHeaders {
    #[serde(rename = "ACL")]
    pub canned: Option<String>,
    #[serde(rename = "GrantFullControl")]
    pub full_control: Option<String>,
    #[serde(rename = "GrantRead")]
    pub read: Option<String>,
    #[serde(rename = "GrantReadACP")]
    pub read_acp: Option<String>,
    #[serde(rename = "GrantWrite")]
    pub write: Option<String>,
    #[serde(rename = "GrantWriteACP")]
    pub write_acp: Option<String>,
}

impl AclHeaders {
    fn headers(&self) -> [(Right, &'static str, &Option<String>); 5] {
        [
            (Right::FullControl, "s3:x-amz-grant-full-control", &self.full_control),
            (Right::Read, "s3:x-amz-grant-read", &self.read),
            (Right::ReadAcp, "s3:x-amz-grant-read-acp", &self.read_acp),
            (Right::Write, "s3:x-amz-grant-write", &self.write),
            (Right::WriteAcp, "s3:x-amz-grant-write-acp", &self.write_acp),
        ]
    }

    /// The same of grants that are given one by one; where there are some, the account keeps what it may.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn of_grants(cx: &Cx, given: &[GivenGrant]) -> Result<AclHeaders, Error> {
        let mut headers = AclHeaders::default();
        let own = (!given.is_empty()).then_some(Ok(OWNERS));
        for grant in given.iter().map(|grant| grant.read(cx)).chain(own) {
            let Grant { grantee, right } = grant?;
            let whom = match grantee.uri() {
                Some(uri) => format!("uri=\"{uri}\""),
                None => format!("id=\"{}\"", owner(cx).id),
            };
            let header = match right {
                Right::FullControl => &mut headers.full_control,
                Right::Read => &mut headers.read,
                Right::ReadAcp => &mut headers.read_acp,
                Right::Write => &mut headers.write,
                Right::WriteAcp => &mut headers.write_acp,
            };
            *header = Some(header.take().map_or_else(|| whom.clone(), |others| format!("{others},{whom}")));
        }
        Ok(headers)
    }

    /// Whether they say anything.
    pub fn are_given(&self) -> bool {
        self.canned.is_some() || self.headers().iter().any(|(_, _, header)| header.is_some())
    }

    /// What policies may look at.
    pub fn context(&self) -> Vec<(String, Vec<String>)> {
        let named = self.headers().into_iter().map(|(_, key, value)| (key, value));
        let all = named.chain([("s3:x-amz-acl", &self.canned)]);
        all.filter_map(|(key, value)| Some((key.to_owned(), vec![value.clone()?]))).collect()
    }

    /// The list that they are; `None` where they say nothing.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn grants(&self, cx: &Cx, of: Of) -> Result<Option<Vec<Grant>>, Error> {
        let mut grants = Vec::new();
        for (right, _, header) in self.headers() {
            for grantee in header.as_deref().unwrap_or_default().split(',').filter(|text| !text.trim().is_empty()) {
                grants.push(Grant { grantee: grantee_of(cx, grantee.trim())?, right });
            }
        }
        match (&self.canned, grants.is_empty()) {
            (None, true) => Ok(None),
            (None, false) => Ok(Some(grants)),
            (Some(name), true) => canned(name, of).map(Some).ok_or_else(|| Error::argument("x-amz-acl", name, "")),
            (Some(_), false) => {
                Err(Error::InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed".into()))
            }
        }
    }
}

/// `id="..."`, `uri="..."` or `emailAddress="..."`.
fn grantee_of(cx: &Cx, text: &str) -> Result<Grantee, Error> {
    let (kind, value) = text.split_once('=').unwrap_or((text, ""));
    let value = value.trim().trim_matches('"');
    match kind.trim().to_ascii_lowercase().as_str() {
        "id" => Grantee::of_id(cx, value),
        "uri" => Grantee::of_uri(value),
        "emailaddress" => Grantee::of_email(value),
        _ => Err(Error::argument("x-amz-grant", text, "Argument format not recognized")),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AclOutput {
    pub owner: Owner,
    #[serde(rename = "AccessControlList")]
    pub grants: Vec<ShownGrant>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownGrant {
    pub grantee: ShownGrantee,
    pub permission: &'static str,
}

#[derive(Debug, Serialize)]
pub struct ShownGrantee {
    #[serde(rename = "xsi:type")]
    pub kind: &'static str,
    #[serde(rename = "ID")]
    pub id: Option<String>,
    #[serde(rename = "DisplayName")]
    pub display_name: Option<String>,
    #[serde(rename = "URI")]
    pub uri: Option<&'static str>,
}

fn shown(cx: &Cx, grants: Option<&[Grant]>) -> AclOutput {
    let owner = owner(cx);
    let grantee = |grantee: Grantee| match grantee.uri() {
        Some(uri) => ShownGrantee { kind: "Group", id: None, display_name: None, uri: Some(uri) },
        None => {
            let (id, display_name) = (Some(owner.id.clone()), Some(owner.display_name.clone()));
            ShownGrantee { kind: "CanonicalUser", id, display_name, uri: None }
        }
    };
    let grants = grants.unwrap_or(&[OWNERS]).iter();
    let grants = grants.map(|grant| ShownGrant { grantee: grantee(grant.grantee), permission: grant.right.name() });
    AclOutput { grants: grants.collect(), owner: owner.clone() }
}

pub async fn of_bucket(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<AclOutput, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    let grants = if acl::has_lists(&read, bucket.id)? { acl::of_bucket(&read, bucket.id)? } else { None };
    Ok(shown(&cx, grants.as_deref()))
}

pub async fn of_object(_: Arc<S3>, cx: Cx, input: ObjectInput) -> Result<AclOutput, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    let object = object::find(&read, &bucket, &input.key, input.version_id.as_deref())?;
    let grants = object.meta.acl.filter(|_| acl::has_lists(&read, bucket.id).unwrap_or(false));
    Ok(shown(&cx, grants.as_deref()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutAclInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    #[serde(flatten)]
    pub headers: AclHeaders,
    pub access_control_policy: Option<Policy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Policy {
    pub owner: Option<GivenOwner>,
    #[serde(rename = "AccessControlList", alias = "Grants")]
    pub grants: Option<Vec<GivenGrant>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GivenOwner {
    #[serde(rename = "ID")]
    pub id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GivenGrant {
    pub grantee: GivenGrantee,
    pub permission: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GivenGrantee {
    #[serde(rename = "ID")]
    pub id: Option<String>,
    #[serde(rename = "URI")]
    pub uri: Option<String>,
    #[serde(rename = "EmailAddress")]
    pub email: Option<String>,
}

fn malformed() -> Error {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    Error::Told(service::Error::new(400, "MalformedACLError", message))
}

impl Policy {
    fn grants(&self, cx: &Cx) -> Result<Vec<Grant>, Error> {
        let of = self.owner.as_ref().and_then(|owner| owner.id.as_ref()).ok_or_else(malformed)?;
        if *of != owner(cx).id {
            return Err(Error::Told(service::Error::new(403, "AccessDenied", "Access Denied")));
        }
        let given = self.grants.as_ref().ok_or_else(malformed)?;
        if given.len() > limits::GRANTS_MAX {
            return Err(malformed());
        }
        given.iter().map(|grant| grant.read(cx)).collect()
    }
}

impl GivenGrant {
    fn read(&self, cx: &Cx) -> Result<Grant, Error> {
        let right = Right::named(&self.permission).ok_or_else(malformed)?;
        let grantee = match &self.grantee {
            GivenGrantee { id: Some(id), .. } => Grantee::of_id(cx, id)?,
            GivenGrantee { uri: Some(uri), .. } => Grantee::of_uri(uri)?,
            GivenGrantee { email: Some(email), .. } => Grantee::of_email(email)?,
            _ => return Err(malformed()),
        };
        Ok(Grant { grantee, right })
    }
}

impl PutAclInput {
    /// The list that a request is, in headers or as a document.
    fn grants(&self, cx: &Cx, of: Of) -> Result<Vec<Grant>, Error> {
        match (self.headers.grants(cx, of)?, &self.access_control_policy) {
            (Some(_), Some(_)) => {
                Err(Error::Told(service::Error::new(400, "UnexpectedContent", "This request does not support content")))
            }
            (Some(grants), None) => Ok(grants),
            (None, Some(policy)) => policy.grants(cx),
            (None, None) => {
                let message = "Your request was missing a required header";
                let told = service::Error::new(400, "MissingSecurityHeader", message);
                Err(Error::Told(told.with_member("MissingHeaderName", "x-amz-acl")))
            }
        }
    }
}

pub fn put_permissions(
    cx: &Cx,
    input: &PutAclInput,
    (action, of_version): (&str, &str),
) -> Result<Vec<Permission>, service::Error> {
    let mut all = match input.key.as_str() {
        "" => vec![bucket_permission(cx, action, &input.bucket)?],
        key => on_version(cx, (action, of_version), &input.bucket, key, input.version_id.as_deref())?,
    };
    all.iter_mut().for_each(|permission| permission.context.extend(input.headers.context()));
    Ok(all)
}

pub async fn put_of_bucket(_: Arc<S3>, cx: Cx, input: PutAclInput) -> Result<Empty, Error> {
    bucket::find(&cx.db().read()?, &input.bucket)?;
    let grants = input.grants(&cx, Of::Bucket)?;
    let text = serde_json::to_string(&grants).map_err(service::Error::internal)?;
    let stored = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &input.bucket)?;
        acl::check(tx, bucket.id, Some(&grants))?;
        // Where there are no lists, what says the same as none is taken and not kept.
        if acl::has_lists(tx, bucket.id)? { setting::put(tx, &input.bucket, Kind::Acl, &text) } else { Ok(()) }
    });
    stored.await?;
    Ok(Empty {})
}

pub async fn put_of_object(_: Arc<S3>, cx: Cx, input: PutAclInput) -> Result<Empty, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    object::find_unmarked(&read, &bucket, &input.key, input.version_id.as_deref(), "PUT")?;
    let grants = input.grants(&cx, Of::Object)?;
    let request = cx.clone();
    let stored = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &input.bucket)?;
        acl::check(tx, bucket.id, Some(&grants))?;
        let mut object = object::find_unmarked(tx, &bucket, &input.key, input.version_id.as_deref(), "PUT")?;
        if acl::has_lists(tx, bucket.id)? {
            object.meta.acl = Some(grants.clone());
            object::replace(tx, bucket.id, &input.key, &object)?;
            let version = shown_version(bucket.versioning, &object);
            let news = News { event: "ObjectAcl:Put", key: &input.key, version, object: Some(&object) };
            tell(tx, &request, &bucket, &news)?;
        }
        Ok::<_, Error>(())
    });
    stored.await?;
    Ok(Empty {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canned_lists_have_names() {
        let rights = |name, of| canned(name, of).map(|grants| grants.len());
        assert_eq!(rights("private", Of::Bucket), Some(1));
        assert_eq!(rights("public-read-write", Of::Object), Some(3));
        assert_eq!(rights("log-delivery-write", Of::Bucket), Some(3));
        assert_eq!(rights("log-delivery-write", Of::Object), None);
        assert_eq!(rights("bucket-owner-read", Of::Object), Some(1));
        assert_eq!(rights("bucket-owner-read", Of::Bucket), None);
        assert_eq!(rights("public", Of::Bucket), None);
    }
}
