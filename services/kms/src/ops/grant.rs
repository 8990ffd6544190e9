//! CreateGrant, ListGrants, ListRetirableGrants, RetireGrant, RevokeGrant.

use std::sync::Arc;

use base::Arn;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use service::{Constraints as Broken, Cx, Error as ServiceError, Permission};
use wire::DateTime;

use super::{Context, Empty, More, OfKey, Page, arn, check_dry_run, of_key, resolve_id};
use crate::Kms;
use crate::access::{on_key, principals};
use crate::error::Error;
use crate::model::{grant, key};
use crate::types::{Constraints, Grant, Key};

const OPERATIONS: [&str; 17] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "GetPublicKey",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "VerifyMac",
    "DeriveSharedSecret",
];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub key_id: String,
    pub grantee_principal: Option<String>,
    pub retiring_principal: Option<String>,
    pub operations: Vec<String>,
    pub constraints: Option<ConstraintsInput>,
    pub grant_tokens: Vec<String>,
    pub name: Option<String>,
    pub dry_run: Option<bool>,
    pub grantee_service_principal: Option<String>,
    pub retiring_service_principal: Option<String>,
}
of_key!(CreateInput, ListInput);

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConstraintsInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_context_subset: Option<Context>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_context_equals: Option<Context>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_arn: Option<String>,
}

impl ConstraintsInput {
    fn read(self) -> Result<Option<Constraints>, Error> {
        if self.source_arn.is_some() {
            return Err(Error::NotImplemented("A KMS grant with the constraint SourceArn".into()));
        }
        match (self.encryption_context_equals, self.encryption_context_subset) {
            (None, None) => Ok(None),
            (Some(all), None) => Ok(Some(Constraints::Equals(all))),
            (None, Some(some)) => Ok(Some(Constraints::Has(some))),
            (Some(_), Some(_)) => Err(Error::Validation(
                "A grant has one constraint: EncryptionContextEquals or EncryptionContextSubset.".into(),
            )),
        }
    }

    fn of(constraints: &Constraints) -> ConstraintsInput {
        match constraints.clone() {
            Constraints::Equals(all) => ConstraintsInput { encryption_context_equals: Some(all), ..Default::default() },
            Constraints::Has(some) => ConstraintsInput { encryption_context_subset: Some(some), ..Default::default() },
        }
    }
}

pub fn permissions(cx: &Cx, input: &CreateInput) -> Result<Vec<Permission>, ServiceError> {
    let mut more = vec![("kms:GrantOperations", input.operations.clone())];
    more.extend(input.grantee_principal.clone().map(|grantee| ("kms:GranteePrincipal", vec![grantee])));
    on_key(cx, "kms:CreateGrant", &input.key_id, None, &more)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    pub grant_token: String,
    pub grant_id: String,
}

pub async fn create(_: Arc<Kms>, cx: Cx, input: CreateInput) -> Result<CreateOutput, Error> {
    let mut broken = Broken::default();
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte));
    broken.length(input.name.as_deref(), "name", 256);
    broken.pattern(input.name.as_deref(), "name", "^[a-zA-Z0-9:/_-]+$", plain);
    for (index, operation) in (1..).zip(&input.operations) {
        broken.one_of(Some(operation), &format!("operations.{index}.member"), &OPERATIONS);
    }
    broken.check()?;
    if input.grantee_service_principal.is_some() || input.retiring_service_principal.is_some() {
        return Err(Error::NotImplemented("A KMS grant for a service".into()));
    }
    let key = super::find_by_id(&cx, &input.key_id)?;
    key::check_stays(&key)?;
    key::check_own(&key)?;
    if key.current.is_none() {
        key::check_usable(&key)?;
    }
    let grantee = checked_principal(input.grantee_principal, "GranteePrincipal")?
        .ok_or_else(|| Error::Validation("A grant needs a GranteePrincipal.".into()))?;
    if input.operations.is_empty() {
        return Err(Error::Validation("A grant needs at least one operation.".into()));
    }
    check_dry_run(input.dry_run)?;
    let mut random = [0; 64];
    cx.env().random(&mut random);
    let (id, token) = random.split_at(32);
    let new = Grant {
        id: hex::encode(id),
        token: URL_SAFE_NO_PAD.encode(token),
        name: input.name,
        created: cx.now(),
        grantee,
        retiring: checked_principal(input.retiring_principal, "RetiringPrincipal")?,
        issuer: format!("arn:aws:iam::{}:root", cx.account()),
        operations: input.operations,
        constraints: input.constraints.map_or(Ok(None), ConstraintsInput::read)?,
    };
    let arn = key.arn;
    let Grant { id, token, .. } = cx.db().write(move |tx| grant::create(tx, &arn, &new)).await?;
    Ok(CreateOutput { grant_token: token, grant_id: id })
}

/// An ARN of somebody.
fn checked_principal(principal: Option<String>, member: &str) -> Result<Option<String>, Error> {
    match principal {
        Some(text) if text.parse::<Arn>().is_err() => {
            Err(Error::InvalidArn(format!("Invalid {member}: an ARN is expected")))
        }
        principal => Ok(principal),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub key_id: String,
    pub grant_id: Option<String>,
    pub grantee_principal: Option<String>,
    pub grantee_service_principal: Option<String>,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub key_id: String,
    pub grant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub creation_date: DateTime,
    pub grantee_principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retiring_principal: Option<String>,
    pub issuing_account: String,
    pub operations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraints: Option<ConstraintsInput>,
}

impl Listed {
    fn new(key: &Arn, grant: Grant) -> Listed {
        Listed {
            key_id: key.to_string(),
            grant_id: grant.id,
            name: grant.name,
            creation_date: DateTime(grant.created),
            grantee_principal: grant.grantee,
            retiring_principal: grant.retiring,
            issuing_account: grant.issuer,
            operations: grant.operations,
            constraints: grant.constraints.as_ref().map(ConstraintsInput::of),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub grants: Vec<Listed>,
    #[serde(flatten)]
    pub more: More,
}

pub async fn list(_: Arc<Kms>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (limit, after) = input.page.read()?;
    let read = cx.db().read()?;
    let arn = resolve_id(&read, &cx, &input.key_id)?;
    key::get(&read, &arn)?;
    let keep = |grant: &Grant| {
        input.grant_id.as_ref().is_none_or(|id| *id == grant.id)
            && input.grantee_principal.as_ref().is_none_or(|grantee| *grantee == grant.grantee)
            && input.grantee_service_principal.is_none()
    };
    if let Some(id) = &input.grant_id
        && grant::get(&read, &arn, id)?.is_none()
    {
        return Err(Error::InvalidGrantId);
    }
    let (page, more) = grant::list(&read, &arn, after, limit, keep)?;
    let more = More::new(more, page.last().map(|grant| grant.id.clone()));
    Ok(ListOutput { grants: page.into_iter().map(|grant| Listed::new(&arn, grant)).collect(), more })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RetirableInput {
    pub retiring_principal: Option<String>,
    pub retiring_service_principal: Option<String>,
    #[serde(flatten)]
    pub page: Page,
}

pub async fn list_retirable(_: Arc<Kms>, cx: Cx, input: RetirableInput) -> Result<ListOutput, Error> {
    let (limit, after) = input.page.read()?;
    let mut broken = Broken::default();
    broken.required(input.retiring_principal.as_deref(), "retiringPrincipal");
    broken.check()?;
    let after = after.map(|marker| marker.split_once(' ').ok_or(Error::InvalidMarker)).transpose()?;
    let (read, of) = (cx.db().read()?, arn(&cx));
    let principal = input.retiring_principal.unwrap_or_default();
    let (names, more) = grant::retirable(&read, cx.region().as_str(), &principal, after, limit)?;
    let more = More::new(more, names.last().map(|(key, grant)| format!("{key} {grant}")));
    let mut grants = Vec::new();
    for (id, name) in names {
        let key = of(&format!("{}{id}", key::PREFIX));
        grants.extend(grant::get(&read, &key, &name)?.map(|grant| Listed::new(&key, grant)));
    }
    Ok(ListOutput { grants, more })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EndInput {
    pub grant_token: Option<String>,
    pub key_id: String,
    pub grant_id: Option<String>,
    pub dry_run: Option<bool>,
}

impl OfKey for EndInput {
    fn key_id(&self) -> &str {
        &self.key_id
    }
}

pub async fn revoke(_: Arc<Kms>, cx: Cx, input: EndInput) -> Result<Empty, Error> {
    let arn = resolve_id(&cx.db().read()?, &cx, &input.key_id)?;
    let id = input.grant_id.unwrap_or_default();
    let found = move |tx: &mut kv::Tx| -> Result<(Arn, Grant), Error> {
        let _: Key = key::get(tx, &arn)?;
        Ok((arn.clone(), grant::get(tx, &arn, &id)?.ok_or(Error::InvalidGrantId)?))
    };
    end(&cx, input.dry_run, found).await
}

async fn end(
    cx: &Cx,
    dry_run: Option<bool>,
    found: impl Fn(&mut kv::Tx) -> Result<(Arn, Grant), Error> + Send + 'static,
) -> Result<Empty, Error> {
    let end = move |tx: &mut kv::Tx| {
        let (arn, grant) = found(tx)?;
        check_dry_run(dry_run)?;
        grant::delete(tx, &arn, &grant)
    };
    cx.db().write(end).await?;
    Ok(Empty {})
}

/// The grant that a request to retire one names, with its key.
fn retired(read: &impl kv::Read, cx: &Cx, input: &EndInput) -> Result<(Arn, Grant), Error> {
    if let Some(token) = &input.grant_token {
        return grant::of_token(read, &arn(cx)(""), token)?.ok_or(Error::InvalidGrantToken);
    }
    if input.key_id.is_empty() || input.grant_id.is_none() {
        return Err(Error::Validation("A grant is named by its token, or by KeyId and GrantId.".into()));
    }
    let arn = resolve_id(read, cx, &input.key_id)?;
    let found = grant::get(read, &arn, input.grant_id.as_deref().unwrap_or_default())?;
    Ok((arn, found.ok_or(Error::InvalidGrantId)?))
}

/// The principals that a grant names to retire it may, whatever their policies say; and the grantee, where that is among its
/// operations.
pub fn retire_permissions(cx: &Cx, input: &EndInput) -> Result<Vec<Permission>, ServiceError> {
    let read = cx.db().read()?;
    let found = match retired(&read, cx, input) {
        Ok(found) => found,
        Err(Error::Store(error)) => return Err(error.into()),
        Err(_) => return on_key(cx, "kms:RetireGrant", &input.key_id, None, &[]),
    };
    let (arn, Grant { retiring, grantee, operations, .. }) = found;
    let who = principals(cx);
    let may = retiring.is_some_and(|retiring| who.contains(&retiring))
        || (who.contains(&grantee) && operations.iter().any(|operation| operation == "RetireGrant"));
    if may { Ok(Vec::new()) } else { on_key(cx, "kms:RetireGrant", &arn.to_string(), None, &[]) }
}

pub async fn retire(_: Arc<Kms>, cx: Cx, input: EndInput) -> Result<Empty, Error> {
    let (own, dry_run) = (cx.clone(), input.dry_run);
    end(&cx, dry_run, move |tx| retired(tx, &own, &input)).await
}
