//! The decision: which of all the policies that apply to a request allow it, and whether one denies it.

use super::document::{Element, Statement};
use super::pattern::Pattern;
use super::principal::Named;
use super::{Context, Kind, Policy, Principal};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub principal: &'a Principal,
    /// `service:Operation`.
    pub action: &'a str,
    /// An ARN, or `*` for actions that are on no resource.
    pub resource: &'a str,
    pub context: &'a Context,
}

/// All policies that apply to a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicySet<'a> {
    /// Of the user or role.
    pub identity: &'a [Policy],
    /// The most that the user or role may be given.
    pub boundary: Option<&'a Policy>,
    /// Given with the session; what any of them allows.
    pub session: Option<&'a [Policy]>,
    /// Of the resource, which is in the principal's account.
    pub resource: Option<&'a Policy>,
    /// Only who the resource's policy names has access, whatever its own policies say: roles, by their trust policies.
    pub resource_must_allow: bool,
}

impl<'a> PolicySet<'a> {
    /// Each policy, with its kind, and which of that kind it is, from 0.
    pub(super) fn all(&self) -> impl Iterator<Item = (Source, usize, &'a Policy)> {
        let numbered = |source, policies: &'a [Policy]| {
            policies.iter().enumerate().map(move |(index, policy)| (source, index, policy))
        };
        let one = |source, policy: Option<&'a Policy>| policy.into_iter().map(move |policy| (source, 0, policy));
        numbered(Source::Identity, self.identity)
            .chain(one(Source::Boundary, self.boundary))
            .chain(numbered(Source::Session, self.session.unwrap_or_default()))
            .chain(one(Source::Resource, self.resource))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// A statement denies it, whatever others allow. It is named by its `Sid`, or its number from 0.
    ExplicitDeny {
        source: Source,
        statement: String,
    },
    /// Nothing in `missing` allows it.
    ImplicitDeny {
        missing: Source,
    },
}

/// Which kind of policy decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Identity,
    Boundary,
    Session,
    Resource,
}

/// Decides a request.
///
/// An explicit deny wins. Otherwise the identity's policies have to allow the request, within its boundary and session
/// policies; or the resource's policy does, alone and without those limits when it names the very caller.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>
pub fn evaluate(request: &Request, policies: &PolicySet) -> Decision {
    if let Some(denied) = explicit_deny(request, policies) {
        return denied;
    }
    let named = policies.resource.map_or(Named::Not, |policy| allowed_as(policy, request));
    let allows = |policy: &Policy| applying(policy, request, true).next().is_some();
    let by_identity = request.principal.kind == Kind::Root || policies.identity.iter().any(allows);
    let missing = match named {
        Named::Exactly => return Decision::Allow,
        // A provider is trusted by its name alone: `*` lets nobody in who has but a token of somebody's.
        _ if request.principal.kind == Kind::Federated => Some(Source::Resource),
        Named::Not if policies.resource_must_allow => Some(Source::Resource),
        Named::Not | Named::ByAccount if !by_identity => match request.principal.kind {
            Kind::Service | Kind::Federated | Kind::Anonymous => Some(Source::Resource),
            Kind::Root | Kind::User | Kind::Session { .. } => Some(Source::Identity),
        },
        _ if policies.boundary.is_some_and(|policy| !allows(policy)) => Some(Source::Boundary),
        _ if policies.session.is_some_and(|policies| !policies.iter().any(allows)) => Some(Source::Session),
        _ => None,
    };
    missing.map_or(Decision::Allow, |missing| Decision::ImplicitDeny { missing })
}

fn explicit_deny(request: &Request, policies: &PolicySet) -> Option<Decision> {
    for (source, _, policy) in policies.all() {
        if let Some((index, statement)) = applying(policy, request, false).next() {
            return Some(Decision::ExplicitDeny { source, statement: statement.name(index) });
        }
    }
    None
}

/// The most direct way in which the resource's policy allows the caller.
fn allowed_as(policy: &Policy, request: &Request) -> Named {
    applying(policy, request, true)
        .map(|(_, statement)| named(statement, request.principal))
        .max()
        .unwrap_or(Named::Not)
}

/// How a statement names the caller.
fn named(statement: &Statement, principal: &Principal) -> Named {
    match &statement.principals {
        None => Named::Not,
        Some(Element { not: false, value }) => value.name(principal),
        Some(Element { not: true, value }) if value.name(principal) == Named::Not => Named::Indirectly,
        Some(_) => Named::Not,
    }
}

/// The statements of one effect that apply to the request, with their numbers.
pub(super) fn applying<'a>(
    policy: &'a Policy,
    request: &'a Request,
    allow: bool,
) -> impl Iterator<Item = (usize, &'a Statement)> {
    policy
        .statements()
        .iter()
        .enumerate()
        .filter(move |(_, statement)| statement.allow == allow && applies(statement, request))
}

fn applies(statement: &Statement, request: &Request) -> bool {
    let Request { principal, action, resource, context } = request;
    element(&statement.actions, |pattern| pattern.matches_ignoring_case(action, context))
        && statement.resources.as_ref().is_none_or(|resources| element(resources, |pattern| pattern.matches(resource, context)))
        // Without the element, a statement is for everybody that the policy is attached to.
        && (statement.principals.is_none() || named(statement, principal) != Named::Not)
        && statement.conditions.iter().all(|condition| condition.holds(context))
}

fn element(element: &Element<Vec<Pattern>>, matches: impl Fn(&Pattern) -> bool) -> bool {
    element.value.iter().any(matches) != element.not
}
