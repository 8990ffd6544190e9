//! SimulateCustomPolicy, SimulatePrincipalPolicy, GetContextKeysForCustomPolicy, GetContextKeysForPrincipalPolicy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use auth::policy::{
    Applying, Context, Decision, Kind as PrincipalKind, Policy, PolicySet, Principal, Request, Source as Of, Use,
    applying, evaluate,
};
use base::Arn;
use kv::Read;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::page::{list_output, page};
use crate::Identity;
use crate::access::Source;
use crate::error::Error;
use crate::model::entity::Entity;
use crate::model::owner::{self, Owner};
use crate::types::{Group, Role, Tags, User};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub policy_source_arn: String,
    pub policy_input_list: Vec<String>,
    pub permissions_boundary_policy_input_list: Vec<String>,
    pub ordered_organization_policy_input_list: Vec<serde_json::Value>,
    pub policy_exclusion_list: Vec<serde_json::Value>,
    pub action_names: Vec<String>,
    pub resource_arns: Vec<String>,
    pub resource_policy: Option<String>,
    pub resource_owner: Option<String>,
    pub caller_arn: Option<String>,
    pub context_entries: Vec<ContextEntry>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContextEntry {
    pub context_key_name: String,
    pub context_key_values: Vec<String>,
}

list_output!(Output { evaluation_results: Evaluation });

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Evaluation {
    pub eval_action_name: String,
    pub eval_resource_name: String,
    pub eval_decision: &'static str,
    pub eval_decision_details: BTreeMap<String, String>,
    pub matched_statements: Vec<Matched>,
    pub missing_context_values: Vec<String>,
    pub organizations_decision_detail: OrganizationsDetail,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary_decision_detail: Option<BoundaryDetail>,
    pub resource_specific_results: Vec<OfResource>,
}

/// The same for the one resource that a result is of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OfResource {
    pub eval_resource_name: String,
    pub eval_resource_decision: &'static str,
    pub matched_statements: Vec<Matched>,
    pub missing_context_values: Vec<String>,
}

/// There are no organizations that could forbid anything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrganizationsDetail {
    pub allowed_by_organizations: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Matched {
    pub source_policy_id: String,
    pub source_policy_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_position: Option<Position>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BoundaryDetail {
    pub allowed_by_permissions_boundary: bool,
}

/// Who is imagined to ask, and what is known of them.
struct Asker {
    principal: Principal,
    policies: Vec<Source>,
    boundary: Option<Policy>,
    /// Condition keys and values.
    known: Vec<(String, String)>,
}

pub async fn custom(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    if input.policy_input_list.is_empty() {
        return Err(Error::missing("policyInputList"));
    }
    let asker = Asker { principal: nobody(&cx), policies: Vec::new(), boundary: None, known: Vec::new() };
    simulate(&cx, asker, &input)
}

pub async fn principal(identity: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    let asker = stored(&identity, &cx, &input.policy_source_arn)?;
    simulate(&cx, asker, &input)
}

/// Somebody of the account, of whom nothing is known.
fn nobody(cx: &Cx) -> Principal {
    Principal { arn: String::new(), account: cx.account().to_string(), kind: PrincipalKind::User }
}

/// The user, role or group with this ARN, as it is stored.
fn stored(identity: &Identity, cx: &Cx, arn: &str) -> Result<Asker, Error> {
    let invalid =
        || Error::InvalidInput(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name."));
    let parsed: Arn = arn.parse().map_err(|_| invalid())?;
    let name = parsed.resource.rsplit('/').next().unwrap_or_default();
    let snap = cx.db().read()?;
    match parsed.resource.split('/').next() {
        Some("user") => somebody::<User>(identity, cx, &snap, name),
        Some("role") => somebody::<Role>(identity, cx, &snap, name),
        Some("group") => {
            owner::find::<Group>(&snap, name)?;
            let policies = identity.policies_of::<Group>(&snap, name)?;
            Ok(Asker { principal: nobody(cx), policies, boundary: None, known: Vec::new() })
        }
        _ => Err(invalid()),
    }
}

fn somebody<E: Entity>(identity: &Identity, cx: &Cx, read: &impl Read, name: &str) -> Result<Asker, Error> {
    let mut entity: E = owner::find(read, name)?;
    let arn = super::owner_resource::<E>(cx, name).to_string();
    let boundary = entity.boundary().take().map(|arn| identity.managed_policy(read, &arn)).transpose()?;
    let tags: Tags = std::mem::take(entity.tags());
    let mut known = vec![
        ("aws:PrincipalArn".to_owned(), arn.clone()),
        ("aws:userid".to_owned(), entity.id().to_owned()),
        ("aws:PrincipalAccount".to_owned(), cx.account().to_string()),
    ];
    known.extend(tags.into_iter().map(|(key, value)| (format!("aws:PrincipalTag/{key}"), value)));
    let kind = if E::TITLE == User::TITLE {
        known.push(("aws:username".to_owned(), name.to_owned()));
        known.push(("aws:PrincipalType".to_owned(), "User".to_owned()));
        PrincipalKind::User
    } else {
        known.push(("aws:PrincipalType".to_owned(), "AssumedRole".to_owned()));
        PrincipalKind::Session { role_arn: arn.clone() }
    };
    let principal = Principal { arn, account: cx.account().to_string(), kind };
    Ok(Asker { principal, policies: identity.policies_of::<E>(read, name)?, boundary, known })
}

fn simulate(cx: &Cx, mut asker: Asker, input: &Input) -> Result<Output, Error> {
    check(input)?;
    for (index, text) in input.policy_input_list.iter().enumerate() {
        let policy = Policy::parse(text)?.check(Use::Identity)?;
        asker.policies.push(Source { id: format!("PolicyInputList.{}", index + 1), policy });
    }
    if let Some(text) = input.permissions_boundary_policy_input_list.first() {
        asker.boundary = Some(Policy::parse(text)?.check(Use::Managed)?);
    }
    let resource_policy = match &input.resource_policy {
        Some(text) => Some(Policy::parse(text)?.check(Use::Resource)?),
        None => None,
    };
    if let Some(arn) = &input.caller_arn {
        asker.principal = caller(arn)?;
    } else if resource_policy.is_some() && asker.principal.arn.is_empty() {
        return Err(Error::InvalidInput(
            "CallerArn is required when ResourcePolicy is given and the policies are not a user's.".into(),
        ));
    }
    let context = context(cx, &asker, &input.context_entries);
    let resources = match &input.resource_arns[..] {
        [] => &["*".to_owned()][..],
        given => given,
    };
    let asked = input.action_names.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    let rows = asked.enumerate().map(|(index, (action, resource))| {
        let request = Request { principal: &asker.principal, action, resource, context: &context };
        Ok((format!("{index:06}"), evaluation(&request, &asker, resource_policy.as_ref())))
    });
    Ok(page(rows, input.marker.as_deref(), input.max_items)?.into())
}

fn check(input: &Input) -> Result<(), Error> {
    let unbuilt = [
        ("OrderedOrganizationPolicyInputList", !input.ordered_organization_policy_input_list.is_empty()),
        ("PolicyExclusionList", !input.policy_exclusion_list.is_empty()),
        ("ResourceOwner", input.resource_owner.is_some()),
    ];
    if let Some((member, _)) = unbuilt.iter().find(|(_, given)| *given) {
        return Err(Error::NotImplemented(format!("{member} of a simulation")));
    }
    if input.action_names.is_empty() {
        return Err(Error::missing("actionNames"));
    }
    match input.action_names.iter().find(|action| !is_action(action)) {
        Some(action) => {
            Err(Error::InvalidInput(format!("Invalid Entity Action: {action} is not of the form service:action.")))
        }
        None => Ok(()),
    }
}

fn is_action(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, action)| !service.is_empty() && !action.is_empty())
}

/// Another caller than the one whose policies are looked at: a user or a role.
fn caller(arn: &str) -> Result<Principal, Error> {
    let parsed: Option<Arn> = arn.parse().ok();
    let kind = parsed.as_ref().and_then(|arn| match arn.resource.split('/').next() {
        Some("user") => Some(PrincipalKind::User),
        Some("role") => Some(PrincipalKind::Session { role_arn: arn.to_string() }),
        _ => None,
    });
    match (parsed, kind) {
        (Some(parsed), Some(kind)) => Ok(Principal { arn: arn.into(), account: parsed.account, kind }),
        _ => Err(Error::InvalidInput(format!("Invalid Entity Arn: {arn} is not the ARN of a user."))),
    }
}

/// What is given, and for the rest what is known of the asker.
fn context(cx: &Cx, asker: &Asker, entries: &[ContextEntry]) -> Context {
    let mut context = Context::new();
    for ContextEntry { context_key_name, context_key_values } in entries {
        context_key_values.iter().for_each(|value| context.insert(context_key_name, value));
    }
    let now = [("aws:CurrentTime", cx.now().iso8601()), ("aws:EpochTime", cx.now().as_secs().to_string())];
    let known = asker.known.iter().map(|(key, value)| (key.as_str(), value.clone())).chain(now);
    for (key, value) in known {
        if !context.has(key) {
            context.insert(key, value);
        }
    }
    context
}

fn evaluation(request: &Request, asker: &Asker, resource_policy: Option<&Policy>) -> Evaluation {
    let identity: Vec<Policy> = asker.policies.iter().map(|source| source.policy.clone()).collect();
    let policies = PolicySet {
        identity: &identity,
        boundary: asker.boundary.as_ref(),
        resource: resource_policy,
        ..PolicySet::default()
    };
    let (eval_decision, matched) = match evaluate(request, &policies) {
        Decision::Allow => ("allowed", applying(request, &policies, true)),
        Decision::ExplicitDeny { .. } => ("explicitDeny", applying(request, &policies, false)),
        Decision::ImplicitDeny { .. } => ("implicitDeny", Vec::new()),
    };
    let keys: BTreeSet<&str> = policies_of(&policies).flat_map(Policy::context_keys).collect();
    let matched: Vec<Matched> = matched.into_iter().map(|found| matched_statement(found, asker, &policies)).collect();
    let missing: Vec<String> = keys.into_iter().filter(|key| !request.context.has(key)).map(str::to_owned).collect();
    Evaluation {
        eval_action_name: request.action.into(),
        eval_resource_name: request.resource.into(),
        eval_decision,
        eval_decision_details: BTreeMap::new(),
        matched_statements: matched.clone(),
        missing_context_values: missing.clone(),
        organizations_decision_detail: OrganizationsDetail { allowed_by_organizations: true },
        resource_specific_results: vec![OfResource {
            eval_resource_name: request.resource.into(),
            eval_resource_decision: eval_decision,
            matched_statements: matched,
            missing_context_values: missing,
        }],
        permissions_boundary_decision_detail: asker
            .boundary
            .as_ref()
            .map(|boundary| BoundaryDetail { allowed_by_permissions_boundary: allows(request, boundary) }),
    }
}

fn policies_of<'a>(set: &PolicySet<'a>) -> impl Iterator<Item = &'a Policy> {
    set.identity.iter().chain(set.boundary).chain(set.resource)
}

/// Whether a policy alone would allow the request.
fn allows(request: &Request, policy: &Policy) -> bool {
    let alone = PolicySet { boundary: Some(policy), ..PolicySet::default() };
    !applying(request, &alone, true).is_empty() && applying(request, &alone, false).is_empty()
}

fn matched_statement(found: Applying, asker: &Asker, set: &PolicySet) -> Matched {
    let (id, policy) = match found.source {
        Of::Identity | Of::Session => asker
            .policies
            .get(found.policy)
            .map_or((String::new(), None), |source| (source.id.clone(), Some(&source.policy))),
        Of::Boundary => ("PermissionsBoundary".to_owned(), set.boundary),
        Of::Resource => ("ResourcePolicy".to_owned(), set.resource),
    };
    let position = policy.and_then(|policy| policy.position(found.statement));
    let output = |at: auth::policy::Position| Position { line: at.line, column: at.column };
    // AWS counts from behind a statement's brace, and to behind the other.
    let start = |at: auth::policy::Position| Position { line: at.line, column: at.column + 1 };
    Matched {
        source_policy_id: id,
        source_policy_type: if found.source == Of::Resource { "Resource Policy" } else { "IAM Policy" },
        start_position: position.map(|(at, _)| start(at)),
        end_position: position.map(|(_, end)| output(end)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeysInput {
    pub policy_source_arn: String,
    pub policy_input_list: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeysOutput {
    pub context_key_names: Vec<String>,
}

pub async fn custom_keys(_: Arc<Identity>, _: Cx, input: KeysInput) -> Result<KeysOutput, Error> {
    if input.policy_input_list.is_empty() {
        return Err(Error::missing("policyInputList"));
    }
    keys(Vec::new(), &input.policy_input_list)
}

pub async fn principal_keys(identity: Arc<Identity>, cx: Cx, input: KeysInput) -> Result<KeysOutput, Error> {
    let asker = stored(&identity, &cx, &input.policy_source_arn)?;
    let policies = asker.policies.into_iter().map(|source| source.policy).chain(asker.boundary).collect();
    keys(policies, &input.policy_input_list)
}

fn keys(mut policies: Vec<Policy>, given: &[String]) -> Result<KeysOutput, Error> {
    for text in given {
        policies.push(Policy::parse(text)?);
    }
    let names: BTreeSet<&str> = policies.iter().flat_map(Policy::context_keys).collect();
    Ok(KeysOutput { context_key_names: names.into_iter().map(str::to_owned).collect() })
}
