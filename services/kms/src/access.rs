//! Permission: a key's policy decides who may use it. Policies of users and roles count where it leaves that to the account,
//! and grants beside it.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html>

use base::Arn;
use kv::{Read, Snap};
use serde_json::{Value, json};
use service::{CallerKind, Cx, Error as ServiceError, Permission};

use crate::error::Error;
use crate::managed;
use crate::model::{alias, grant, key};
use crate::ops::{Context, OfKey, arn};
use crate::types::Key;

/// For rows of the table: permission for `action` on the key that the request names.
pub fn on<I: OfKey + 'static, S: 'static>(
    action: &'static str,
) -> impl Fn(&S, &Cx, &I) -> Result<Vec<Permission>, ServiceError> + Send + Sync + 'static {
    move |_, cx, input| on_key(cx, action, input.key_id(), input.context(), &[])
}

/// The same with condition keys of the operation's own.
pub fn on_key(
    cx: &Cx,
    action: &str,
    text: &str,
    context: Option<&Context>,
    more: &[(&str, Vec<String>)],
) -> Result<Vec<Permission>, ServiceError> {
    let read = cx.db().read()?;
    let mut permission = match key::resolve(&read, arn(cx), text).and_then(|arn| key::get(&read, &arn)) {
        // Policies do not limit these, so there is no need to look.
        _ if !is_limited(cx) => Permission::new(action, "*"),
        Ok(key) => of_key(cx, &read, action, &key, context)?,
        Err(Error::NotFound(_)) => of_nothing(cx, action, text),
        Err(error) => return Err(error.into()),
    };
    if text.contains(alias::PREFIX) {
        let name = text.rsplit_once(":alias/").map_or(text.to_owned(), |(_, name)| format!("alias/{name}"));
        permission.context.push(("kms:RequestAlias".into(), vec![name]));
    }
    permission.context.extend(more.iter().map(|(name, values)| ((*name).to_owned(), values.clone())));
    Ok(vec![permission])
}

/// Permission for `action` on the key that the named one is in another Region, if it is there.
pub fn on_related(cx: &Cx, action: &str, text: &str, region: &str) -> Result<Option<Permission>, ServiceError> {
    let read = cx.db().read()?;
    let found = key::resolve(&read, arn(cx), text).and_then(|arn| {
        let related = Arn { region: region.to_owned(), ..arn };
        key::get(&read, &related)
    });
    match found {
        _ if !is_limited(cx) => Ok(None),
        Ok(key) => Ok(Some(of_key(cx, &read, action, &key, None)?)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_limited(cx: &Cx) -> bool {
    !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System)
}

fn of_key(cx: &Cx, read: &Snap, action: &str, key: &Key, context: Option<&Context>) -> Result<Permission, Error> {
    let operation = action.trim_start_matches("kms:");
    let granted = grant::allows(read, &key.arn, &principals(cx), operation, context)?;
    let mut permission = Permission {
        resource_policy: Some(if granted { with_grant(cx, &key.policy, action) } else { key.policy.clone() }),
        resource_must_allow: true,
        ..Permission::new(action, &key.arn)
    };
    let origin = if key.external { "EXTERNAL" } else { "AWS_KMS" };
    let aliases = alias::of_key(read, &key.arn.region, &key.id)?;
    let of_the_key = [
        ("kms:KeySpec", vec![key.spec.word().to_owned()]),
        ("kms:KeyUsage", vec![key.usage.word().to_owned()]),
        ("kms:KeyOrigin", vec![origin.to_owned()]),
        ("kms:ResourceAliases", aliases),
    ];
    permission.context.push(("kms:MultiRegion".into(), vec![key.regions.is_some().to_string()]));
    if key.regions.is_some() {
        let kind = if key.is_replica() { "REPLICA" } else { "PRIMARY" };
        permission.context.push(("kms:MultiRegionKeyType".into(), vec![kind.to_owned()]));
    }
    let tags = key.tags.iter().map(|(name, value)| (format!("aws:ResourceTag/{name}"), vec![value.clone()]));
    permission.context.extend(of_the_key.map(|(name, values)| (name.to_owned(), values)).into_iter().chain(tags));
    permission.context.extend(of_the_caller(cx));
    if let Some(context) = context {
        let names = context.keys().cloned().collect();
        permission.context.push(("kms:EncryptionContextKeys".into(), names));
        let pairs = context.iter().map(|(name, value)| (format!("kms:EncryptionContext:{name}"), vec![value.clone()]));
        permission.context.extend(pairs);
    }
    Ok(permission)
}

/// Of a key that is not there, or that is made when a service first uses it.
fn of_nothing(cx: &Cx, action: &str, text: &str) -> Permission {
    let resource = text.parse::<Arn>().unwrap_or_else(|_| {
        arn(cx)(&if text.starts_with(alias::PREFIX) { text.to_owned() } else { format!("{}{text}", key::PREFIX) })
    });
    let made = managed::service_of(cx, text).map(|service| managed::policy(cx, service));
    Permission {
        resource_must_allow: made.is_some(),
        resource_policy: made,
        context: of_the_caller(cx),
        ..Permission::new(action, resource)
    }
}

fn of_the_caller(cx: &Cx) -> Vec<(String, Vec<String>)> {
    let mut context = vec![("kms:CallerAccount".to_owned(), vec![cx.account().to_string()])];
    context.extend(cx.via().map(|service| ("kms:ViaService".to_owned(), vec![managed::via(cx, service)])));
    context
}

/// What grants may call the caller.
pub fn principals(cx: &Cx) -> Vec<String> {
    let mut names = vec![cx.caller().arn.to_string()];
    match &cx.caller().kind {
        CallerKind::Session { role, .. } => names.push(role.to_string()),
        CallerKind::Root | CallerKind::System => names.push(format!("arn:aws:iam::{}:root", cx.account())),
        CallerKind::User { .. } | CallerKind::Federated { .. } | CallerKind::Anonymous => {}
    }
    names
}

/// The policy with what a grant adds to it: one more statement, so that what denies still does.
fn with_grant(cx: &Cx, policy: &str, action: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(policy) else { return policy.to_owned() };
    let granted = json!({"Effect": "Allow", "Principal": {"AWS": cx.caller().arn}, "Action": action, "Resource": "*"});
    match document.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.push(granted),
        Some(single) => *single = json!([single.take(), granted]),
        None => {}
    }
    document.to_string()
}

/// Permission for an alias beside the one for its key.
pub fn on_alias(cx: &Cx, action: &str, name: &str) -> Permission {
    let mut permission = Permission::new(action, arn(cx)(name));
    permission.context.extend(of_the_caller(cx));
    permission
}

/// The key that an alias names, as text that can be resolved; the alias itself where there is none.
pub fn target_of(cx: &Cx, read: &impl Read, name: &str) -> String {
    let found = alias::get(read, cx.region().as_str(), name).ok().flatten();
    found.map_or_else(|| name.to_owned(), |alias| alias.key)
}
