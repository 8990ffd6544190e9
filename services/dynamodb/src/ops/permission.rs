//! What requests need permission for: an action on a table, an index or a stream, and what policies may ask about it.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>; which action tells
//! what: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use std::collections::BTreeSet;

use base::Arn;
use service::{CallerKind, Cx, Error as ServiceError, Permission};

use crate::error::Error;
use crate::expression::{Condition, Path, Projection, Update};
use crate::key::KeySchema;
use crate::model::item::{Change, Write};
use crate::model::{policy, table as tables};
use crate::value::{Item, Value};

/// The partition keys that a request is about.
const LEADING_KEYS: &str = "dynamodb:LeadingKeys";
/// The attributes that it names, also in its expressions.
const ATTRIBUTES: &str = "dynamodb:Attributes";

/// What a request tells policies besides its keys. What is not valid in it may be left out: it is refused before anything
/// is read.
#[derive(Debug, Default)]
pub struct Told {
    attributes: BTreeSet<String>,
    parameters: Vec<(&'static str, String)>,
}

impl Told {
    /// Attributes that are written, or those of a key.
    #[must_use]
    pub fn item(self, item: &Item) -> Told {
        self.names(item.keys().map(String::as_str))
    }

    #[must_use]
    pub fn names<'n>(mut self, names: impl Iterator<Item = &'n str>) -> Told {
        self.attributes.extend(names.map(str::to_owned));
        self
    }

    #[must_use]
    pub fn condition(mut self, condition: Option<&Condition>) -> Told {
        if let Some(condition) = condition {
            condition.paths(&mut |path| self.path(path));
        }
        self
    }

    fn path(&mut self, path: &Path) {
        self.attributes.insert(path.attribute.clone());
    }

    #[must_use]
    pub fn update(mut self, update: &Update) -> Told {
        update.all_paths(&mut |path| self.path(path));
        self
    }

    #[must_use]
    pub fn write(self, write: &Write) -> Told {
        let told = match &write.change {
            Change::Update(_, request) => self.update(&request.update),
            _ => self,
        };
        told.names(write.change.item().view().iter().map(|(name, _)| name)).condition(write.condition.as_ref())
    }

    /// `Select`, as it was given, or as it is meant where it was not.
    #[must_use]
    pub fn selects(self, given: Option<&str>, projection: Option<&Projection>, index: Option<&str>) -> Told {
        let meant = match (projection, index) {
            (Some(_), _) => "SPECIFIC_ATTRIBUTES",
            (None, Some(_)) => "ALL_PROJECTED_ATTRIBUTES",
            (None, None) => "ALL_ATTRIBUTES",
        };
        let names = projection.into_iter().flat_map(Projection::names);
        self.names(names).parameter("dynamodb:Select", given.unwrap_or(meant))
    }

    #[must_use]
    pub fn returns(self, values: Option<&str>) -> Told {
        self.parameter("dynamodb:ReturnValues", values.unwrap_or("NONE"))
    }

    #[must_use]
    pub fn reports(self, capacity: Option<&str>) -> Told {
        self.parameter("dynamodb:ReturnConsumedCapacity", capacity.unwrap_or("NONE"))
    }

    /// The transaction that the action is a part of.
    #[must_use]
    pub fn within(self, operation: &str) -> Told {
        self.parameter("dynamodb:EnclosingOperation", operation)
    }

    fn parameter(mut self, name: &'static str, value: &str) -> Told {
        self.parameters.push((name, value.to_owned()));
        self
    }

    fn context(self) -> impl Iterator<Item = (String, Vec<String>)> {
        let parameters = self.parameters.into_iter().map(|(name, value)| (name.to_owned(), vec![value]));
        parameters.chain([(ATTRIBUTES.to_owned(), self.attributes.into_iter().collect())])
    }
}

/// The ARN of a table given by name or ARN. It is that of the table which the operation will find, whatever else an
/// ARN says: policies must not be evaded by another spelling. What is neither is refused later, by the operation.
pub fn table_arn(cx: &Cx, table: Option<&str>) -> String {
    match table.map_or("*", tables::name) {
        arn if arn.starts_with("arn:") => arn.to_owned(),
        name => cx.arn("dynamodb", format!("table/{name}")).to_string(),
    }
}

/// The ARN of a table or stream given by its ARN, in whatever region, as it would be found. See [`table_arn`].
pub fn resource_arn(cx: &Cx, arn: Option<&str>) -> String {
    let Some(text) = arn else { return table_arn(cx, None) };
    match text.parse::<Arn>() {
        Ok(Arn { region, resource, .. }) if resource.starts_with("table/") => {
            Arn { region, ..cx.arn("dynamodb", resource) }.to_string()
        }
        _ => text.to_owned(),
    }
}

/// Permission for `action` on a table or one of its indexes, which the table's policy is for, too.
///
/// # Errors
/// When the policy cannot be read.
pub fn permission(cx: &Cx, action: &str, table: Option<&str>, index: Option<&str>) -> Result<Permission, ServiceError> {
    let mut permission = resource_permission(cx, action, table_arn(cx, table))?;
    if let Some(index) = index {
        permission.resource.push_str(&format!("/index/{index}"));
    }
    Ok(permission)
}

/// Permission for `action` on the table or stream with this ARN.
///
/// # Errors
/// When the resource's policy cannot be read.
pub fn resource_permission(cx: &Cx, action: &str, arn: String) -> Result<Permission, ServiceError> {
    let resource_policy = resource_policy(cx, &arn)?;
    Ok(Permission { resource_policy, ..Permission::new(action, arn) })
}

/// Whether policies limit the caller: users and roles.
fn is_limited(cx: &Cx) -> bool {
    !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System)
}

/// The policy of a table or stream, for callers whom policies limit.
fn resource_policy(cx: &Cx, arn: &str) -> Result<Option<String>, Error> {
    if !is_limited(cx) {
        return Ok(None);
    }
    Ok(policy::find(&cx.db().read()?, arn)?.map(|policy| policy.document))
}

/// Permission for `action` on all of a table or index.
///
/// # Errors
/// When the table's policy cannot be read.
pub fn told_permission(
    cx: &Cx,
    action: &str,
    table: Option<&str>,
    index: Option<&str>,
    told: impl FnOnce() -> Told,
) -> Result<Permission, ServiceError> {
    let mut permission = permission(cx, action, table, index)?;
    if is_limited(cx) {
        permission.context.extend(told().context());
    }
    Ok(permission)
}

/// Permission for `action` on items of a table, of which `keys` are some, or their keys.
///
/// # Errors
/// When the table's policy cannot be read.
pub fn item_permission<'k>(
    cx: &Cx,
    action: &str,
    table: Option<&str>,
    keys: impl Iterator<Item = &'k Item>,
    told: impl FnOnce() -> Told,
) -> Result<Permission, ServiceError> {
    let mut permission = told_permission(cx, action, table, None, told)?;
    if is_limited(cx) {
        let schema = stored_schema(cx, table, None);
        let name = schema.map(|schema| schema.partition.name);
        let values: Vec<String> = keys.filter_map(|key| key.get(name.as_ref()?)).filter_map(shown).collect();
        permission.context.push((LEADING_KEYS.into(), values));
    }
    Ok(permission)
}

/// Permission for `action` on one partition of a table or index, whose key `partition` tells from the key's attributes;
/// where it tells none, the action is on all of them.
///
/// # Errors
/// When the table's policy cannot be read.
pub fn partition_permission(
    cx: &Cx,
    action: &str,
    table: Option<&str>,
    index: Option<&str>,
    partition: impl FnOnce(&KeySchema) -> Option<Value>,
    told: impl FnOnce() -> Told,
) -> Result<Permission, ServiceError> {
    let mut permission = told_permission(cx, action, table, index, told)?;
    if is_limited(cx) {
        let partition = stored_schema(cx, table, index).and_then(|schema| partition(&schema));
        permission.context.push(("dynamodb:FullTableScan".into(), vec![partition.is_none().to_string()]));
        permission.context.push((LEADING_KEYS.into(), partition.as_ref().and_then(shown).into_iter().collect()));
    }
    Ok(permission)
}

/// What a request that names several tables needs permission for. One that names none is malformed, but must not learn
/// so from anybody without the permission.
///
/// # Errors
/// When a table's policy cannot be read.
pub fn all_permissions(
    cx: &Cx,
    action: &str,
    named: impl Iterator<Item = Result<Permission, ServiceError>>,
) -> Result<Vec<Permission>, ServiceError> {
    let named = named.collect::<Result<Vec<_>, _>>()?;
    if named.is_empty() { Ok(vec![permission(cx, action, None, None)?]) } else { Ok(named) }
}

/// The key of a table, or of an index of it.
fn stored_schema(cx: &Cx, table: Option<&str>, index: Option<&str>) -> Option<KeySchema> {
    let table = tables::find(&cx.db().read().ok()?, cx.region().as_str(), table?).ok()?;
    match index {
        Some(name) => Some(table.index(name)?.0.key.clone()),
        None => Some(table.key.clone()),
    }
}

/// A key's value as policies write it.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::S(text) => Some(text.clone()),
        Value::N(number) => Some(number.to_string()),
        Value::B(bytes) => Some(wire::Blob::from(bytes.clone()).to_base64()),
        _ => None,
    }
}
