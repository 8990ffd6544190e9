//! Answers the two questions of all other layers: whose access key is this, and may its owner do that.

use std::sync::Arc;

use auth::policy::{Context, Decision, Kind as PrincipalKind, Policy, PolicySet, Principal, Request, denial, evaluate};
use base::{Arn, Timestamp};
use kv::{Order, Read, Snap};
use service::{Access, Caller, CallerKind, Credential, CredentialError, Denial, Permission, SessionFacts};

use crate::assuming::Assuming;
use crate::aws_managed;
use crate::error::Error;
use crate::keys::{self, ACCESS_KEYS, ATTACHED, INLINE, Kind, fold};
use crate::model::entity::Entity;
use crate::model::owner::{self, Owner};
use crate::model::{group, managed};
use crate::types::{AccessKey, Group, Role, Session, Subject, Tags, User, arn};
use crate::usage::Call;
use crate::{Identity, Mode};

/// Everything stored that decides about a user or role.
#[derive(Default)]
pub struct Effective {
    /// Its unique id; `None` when there is no such user or role.
    id: Option<String>,
    /// Of which a role's session must have named the whole: another path is another role.
    arn: Option<Arn>,
    /// That ARN as text: who it is in what is kept of calls.
    name: Option<String>,
    identity: Vec<Policy>,
    boundary: Option<Policy>,
    tags: Tags,
    /// Of a role: the policy that says who may assume it.
    trust: Option<String>,
}

/// What is asked of a caller's policies.
#[derive(Clone, Copy)]
struct Question<'a> {
    action: &'a str,
    resource: &'a str,
    /// The resource's own policy.
    policy: Option<&'a str>,
    policy_must_allow: bool,
    /// Whether the answer stands in every mode.
    strict: bool,
    region: &'a str,
    now: Timestamp,
}

/// A policy, and what simulations call it.
pub struct Source {
    pub id: String,
    pub policy: Policy,
}

impl Effective {
    /// Whether this is about the caller itself: a name may be given again, a unique id is not. A session that the
    /// server made has its role's name instead of the id.
    fn is_of(&self, caller: &Caller) -> bool {
        match &caller.kind {
            CallerKind::Root | CallerKind::System | CallerKind::Anonymous => true,
            CallerKind::User { .. } => self.id.as_ref() == Some(&caller.user_id),
            // Its credentials have been looked up, and so has who vouches.
            CallerKind::Federated { user, .. } => user.is_none() || self.id.is_some(),
            CallerKind::Session { role, .. } => {
                let of = caller.user_id.split(':').next();
                self.arn.as_ref() == Some(role) && (of == self.id.as_deref() || of == Some(name_of(role)))
            }
        }
    }
}

fn name_of(role: &Arn) -> &str {
    role.resource.rsplit('/').next().unwrap_or_default()
}

impl Access for Identity {
    fn credential(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Credential, CredentialError> {
        if let Some(key) = self.root_keys.iter().find(|key| key.access_key_id == access_key_id) {
            return Ok(Credential { secret: key.secret.clone(), caller: Caller::root(&self.account), expires: None });
        }
        match session_token {
            Some(token) => self.session_credential(access_key_id, token, now),
            None => {
                let credential = self.user_credential(access_key_id)?;
                self.usage.key(access_key_id, now);
                Ok(credential)
            }
        }
    }

    fn authorize(&self, caller: &Caller, permission: &Permission, now: Timestamp) -> Result<(), Denial> {
        let Some(principal) = principal(caller) else { return Ok(()) };
        if let CallerKind::Session { role, assumed_by: Some(service), .. } = &caller.kind {
            self.check_trust(service, caller, role, now)?;
        }
        let mut context = self.context(caller, now);
        for (key, values) in &permission.context {
            values.iter().for_each(|value| context.insert(key, value));
        }
        self.resource_tags(&permission.action, &permission.resource)
            .into_iter()
            .for_each(|(key, value)| context.insert(&key, value));
        context.insert("aws:ResourceAccount", self.owner_of(&permission.resource));
        let region = permission.context.iter().find(|(key, _)| key == "aws:RequestedRegion");
        let question = Question {
            action: &permission.action,
            resource: &permission.resource,
            policy: permission.resource_policy.as_deref(),
            policy_must_allow: permission.resource_must_allow,
            strict: permission.strict,
            region: region.and_then(|(_, values)| values.first()).map_or("", String::as_str),
            now,
        };
        self.decide(caller, &principal, context, question)
    }
}

/// As policies see the caller; `None` for the server itself, which they do not limit unless it acts as one of its
/// services.
fn principal(caller: &Caller) -> Option<Principal> {
    let kind = match &caller.kind {
        CallerKind::Root => PrincipalKind::Root,
        CallerKind::User { .. } | CallerKind::Federated { .. } => PrincipalKind::User,
        CallerKind::Session { role, .. } => PrincipalKind::Session { role_arn: role.to_string() },
        CallerKind::System => return caller.as_service().map(Principal::service),
        CallerKind::Anonymous => return Some(Principal::anonymous()),
    };
    Some(Principal { arn: caller.arn.to_string(), account: caller.account.to_string(), kind })
}

impl Identity {
    fn user_credential(&self, access_key_id: &str) -> Result<Credential, CredentialError> {
        let snap = self.db.read().map_err(unavailable)?;
        let generation = keys::generation(&snap).map_err(unavailable)?;
        if let Some(credential) = self.cache.credential(generation, access_key_id) {
            return Ok(credential);
        }
        let key = ACCESS_KEYS.get(&snap, access_key_id).map_err(unavailable)?;
        let key: AccessKey = key.filter(|key| key.active).ok_or(CredentialError::Unknown)?;
        let user: User = found(owner::find(&snap, &key.user))?;
        let credential = Credential { secret: key.secret, caller: self.user_caller(&user), expires: None };
        self.cache.keep_credential(generation, access_key_id, &credential);
        Ok(credential)
    }

    fn session_credential(
        &self,
        access_key_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Credential, CredentialError> {
        let (session, secret) = self.sealer.open(token).ok_or(CredentialError::Unknown)?;
        if session.access_key_id != access_key_id {
            return Err(CredentialError::Unknown);
        }
        if session.expires <= now {
            return Err(CredentialError::Expired);
        }
        let expires = Some(session.expires);
        Ok(Credential { secret, caller: self.session_caller(session)?, expires })
    }

    /// Who a session is. When its user or role is gone, nobody: an id is never given to another.
    fn session_caller(&self, session: Session) -> Result<Caller, CredentialError> {
        let snap = self.db.read().map_err(unavailable)?;
        let facts = SessionFacts { issued: session.issued, ..session.facts.unwrap_or_default() };
        let caller = match session.subject {
            Subject::Root => Caller::root(&self.account),
            Subject::User { name, id } => self.user_caller(&same_user(&snap, &name, &id)?),
            Subject::Federated { name, by, policy } => {
                let user = by.map(|(user, id)| same_user(&snap, &user, &id)).transpose()?.map(|user| user.name);
                Caller {
                    arn: Arn::global("sts", &self.account, format!("federated-user/{name}")),
                    account: self.account.clone(),
                    user_id: format!("{}:{name}", self.account),
                    kind: CallerKind::Federated { user, policy },
                    session: None,
                }
            }
            Subject::Role { name, id, session_name, policy } => {
                let role: Role = found(owner::find(&snap, &name))?;
                if role.id != id {
                    return Err(CredentialError::Unknown);
                }
                let caller =
                    Caller::role_session(&arn(&self.account, Role::NOUN, &role.path, &role.name), &session_name);
                let CallerKind::Session { role, assumed_by, .. } = caller.kind else {
                    return Err(CredentialError::Unknown);
                };
                Caller {
                    user_id: format!("{id}:{session_name}"),
                    kind: CallerKind::Session { role, policy, assumed_by },
                    ..caller
                }
            }
        };
        Ok(Caller { session: Some(Arc::new(facts)), ..caller })
    }

    pub fn user_caller(&self, user: &User) -> Caller {
        Caller {
            arn: arn(&self.account, User::NOUN, &user.path, &user.name),
            account: self.account.clone(),
            user_id: user.id.clone(),
            kind: CallerKind::User { name: user.name.clone() },
            session: None,
        }
    }

    /// Whose a resource is: buckets' ARNs, and what has no ARN, do not say, and are this account's.
    fn owner_of<'r>(&'r self, resource: &'r str) -> &'r str {
        resource.split(':').nth(4).filter(|account| !account.is_empty()).unwrap_or(self.account.as_str())
    }

    /// Whether `caller` may assume `role`: its trust policy has to name the caller, or leave the decision to the
    /// caller's own policies. The server itself may, unless it acts as one of its services: those have to be trusted.
    pub fn authorize_assume(
        &self,
        caller: &Caller,
        role: &Role,
        assuming: &Assuming<'_>,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let role_arn = arn(&self.account, Role::NOUN, &role.path, &role.name);
        self.ask_trust(caller, &role_arn, &role.trust, assuming, now)
    }

    /// Whether the role of a session still trusts the service that has it.
    fn check_trust(&self, service: &Caller, session: &Caller, role: &Arn, now: Timestamp) -> Result<(), Denial> {
        let effective = self.effective(session).map_err(|error| {
            tracing::error!(%error, %role, "the trust of a role cannot be read; the call is refused");
            Denial { message: format!("the trust of {role} cannot be read") }
        })?;
        // A role that is gone is refused in the words for that.
        let Some(trust) = effective.trust.as_deref().filter(|_| effective.is_of(session)) else { return Ok(()) };
        let session_name = session.user_id.split_once(':').map_or("", |(_, name)| name);
        self.ask_trust(service, role, trust, &Assuming { session_name, ..Assuming::default() }, now)
    }

    fn ask_trust(
        &self,
        caller: &Caller,
        role: &Arn,
        trust: &str,
        assuming: &Assuming<'_>,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let Some(principal) = principal(caller) else { return Ok(()) };
        let resource = role.to_string();
        for action in assuming.actions() {
            let mut context = self.context(caller, now);
            assuming.context.iter().chain(&assuming.of_session()).for_each(|(key, values)| {
                values.iter().for_each(|value| context.insert(key, value));
            });
            if caller.as_service().is_some() {
                context.insert("aws:SourceAccount", caller.account.as_str());
                // A service that acts for no resource of its own has the ARN of its account.
                if caller.arn.service != "iam" {
                    context.insert("aws:SourceArn", caller.arn.to_string());
                }
            }
            self.resource_tags(action, &resource).into_iter().for_each(|(key, value)| context.insert(&key, value));
            let question = Question {
                action,
                resource: &resource,
                policy: Some(trust),
                policy_must_allow: true,
                // Who becomes a role is about who calls, and what a role did is what its policy is suggested from.
                strict: true,
                region: "",
                now,
            };
            self.decide(caller, &principal, context, question)?;
        }
        Ok(())
    }

    /// Whether whoever has a token of a provider may assume `role`: its trust policy has to name the provider.
    pub fn authorize_federated(
        &self,
        provider: &str,
        role: &Role,
        known: &[(String, Vec<String>)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let refused = || Error::AccessDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity".into());
        let mut context = Context::new();
        context.insert("aws:CurrentTime", now.iso8601());
        context.insert("aws:EpochTime", now.as_secs().to_string());
        context.insert("aws:FederatedProvider", provider);
        for (key, values) in known {
            values.iter().for_each(|value| context.insert(key, value));
        }
        let role_arn = arn(&self.account, Role::NOUN, &role.path, &role.name).to_string();
        let (principal, action) = (Principal::federated(provider), "sts:AssumeRoleWithWebIdentity");
        let request = Request { principal: &principal, action, resource: &role_arn, context: &context };
        let trust = self.cache.policy(&role.trust)?;
        let policies = PolicySet { resource: Some(&trust), resource_must_allow: true, ..PolicySet::default() };
        match evaluate(&request, &policies) {
            Decision::Allow => Ok(()),
            _ => Err(refused()),
        }
    }

    /// The global condition keys that are known of a caller.
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    fn context(&self, caller: &Caller, now: Timestamp) -> Context {
        let mut context = Context::new();
        context.insert("aws:CurrentTime", now.iso8601());
        context.insert("aws:EpochTime", now.as_secs().to_string());
        if caller.kind == CallerKind::Anonymous {
            context.insert("aws:PrincipalType", "Anonymous");
            return context;
        }
        context.insert("aws:PrincipalAccount", caller.account.as_str());
        context.insert("aws:userid", &caller.user_id);
        let (arn, kind) = match &caller.kind {
            CallerKind::Root | CallerKind::System | CallerKind::Anonymous => (&caller.arn, "Account"),
            CallerKind::User { name } => {
                context.insert("aws:username", name);
                (&caller.arn, "User")
            }
            CallerKind::Session { role, .. } => (role, "AssumedRole"),
            CallerKind::Federated { .. } => (&caller.arn, "FederatedUser"),
        };
        context.insert("aws:PrincipalArn", arn.to_string());
        context.insert("aws:PrincipalType", kind);
        let service = caller.as_service();
        context.insert("aws:PrincipalIsAWSService", service.is_some().to_string());
        if let Some(service) = service {
            context.insert("aws:PrincipalServiceName", service);
        }
        if let Some(facts) = &caller.session {
            of_facts(facts, now).into_iter().for_each(|(key, value)| context.insert(key, value));
        }
        context
    }

    /// Decides, and keeps what came of it. Where policies are only looked at, what they deny goes through.
    fn decide(
        &self,
        caller: &Caller,
        principal: &Principal,
        mut context: Context,
        question: Question<'_>,
    ) -> Result<(), Denial> {
        let Question { action, resource, policy, policy_must_allow, strict, region, now } = question;
        let because = |why| Denial {
            message: format!(
                "User: {} is not authorized to perform: {action} on resource: {resource} because {why}",
                caller.arn
            ),
        };
        let unreadable = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, arn = %caller.arn, action, "policies cannot be read; the call is refused");
            because("a policy cannot be read")
        };
        let effective = self.effective(caller).map_err(|error| unreadable(&error))?;
        if !effective.is_of(caller) {
            return Err(because("the user or role has been deleted"));
        }
        principal_tags(caller, &effective.tags).for_each(|(key, value)| context.insert(&key, value));
        let session = self.session_policies(caller).map_err(|error| unreadable(&error))?;
        let resource_policy =
            policy.map(|text| self.cache.policy(text)).transpose().map_err(|error| unreadable(&error))?;
        let request = Request { principal, action, resource, context: &context };
        let policies = PolicySet {
            identity: &effective.identity,
            boundary: effective.boundary.as_ref(),
            session: session.as_deref(),
            resource: resource_policy.as_ref(),
            resource_must_allow: policy_must_allow,
        };
        let who = effective.name.as_deref().unwrap_or(&principal.arn);
        let call = Call { who, action, resource, region, now };
        match evaluate(&request, &policies) {
            Decision::Allow => {
                if effective.name.is_some() {
                    self.usage.allowed(call);
                }
                Ok(())
            }
            refused => self.refuse(caller, call, &request, &refused, strict),
        }
    }

    fn refuse(
        &self,
        caller: &Caller,
        call: Call<'_>,
        request: &Request,
        refused: &Decision,
        strict: bool,
    ) -> Result<(), Denial> {
        // Who did not sign is nobody who could be given a policy.
        if caller.kind == CallerKind::Anonymous {
            return Err(Denial { message: denial(request, refused).unwrap_or_default() });
        }
        // Whom a provider vouches for has no key of the account's: it may be anybody.
        let vouched = caller.session.as_ref().is_some_and(|facts| facts.vouched);
        let let_through = self.mode == Mode::Audit && !strict && !vouched;
        let count = self.usage.denied(call, &refused.to_string(), let_through);
        if !let_through {
            return Err(Denial { message: denial(request, refused).unwrap_or_default() });
        }
        // The first of many, and then seldom: the rest is counted.
        if count.is_power_of_two() {
            let Call { who, action, resource, .. } = call;
            tracing::warn!(who, action, resource, count, reason = %refused, "policies deny this; it goes through (--iam audit)");
        }
        Ok(())
    }

    /// What narrows a session; `None` where nothing does.
    fn session_policies(&self, caller: &Caller) -> Result<Option<Vec<Policy>>, Error> {
        let (document, always) = match &caller.kind {
            CallerKind::Session { policy, .. } => (policy.as_deref(), false),
            // Without a policy of its session, whom somebody vouches for may do nothing.
            CallerKind::Federated { policy, .. } => (policy.as_deref(), true),
            CallerKind::Root | CallerKind::User { .. } | CallerKind::System | CallerKind::Anonymous => (None, false),
        };
        let arns = caller.session.as_ref().map_or(&[][..], |facts| &facts.policy_arns);
        if document.is_none() && arns.is_empty() && !always {
            return Ok(None);
        }
        let mut policies = document.map(|text| self.cache.policy(text)).transpose()?.into_iter().collect::<Vec<_>>();
        if !arns.is_empty() {
            let snap = self.db.read()?;
            for arn in arns {
                match self.managed_policy(&snap, arn) {
                    Ok(policy) => policies.push(policy),
                    // One that is gone allows nothing, and one of a service nothing that is here.
                    Err(Error::NoSuchEntity(_) | Error::PolicyNotAttachable) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Some(policies))
    }

    /// The stored policies of a caller, as they are now.
    fn effective(&self, caller: &Caller) -> Result<Arc<Effective>, Error> {
        let (kind, name) = match &caller.kind {
            CallerKind::Root | CallerKind::System | CallerKind::Anonymous => return Ok(Arc::default()),
            CallerKind::User { name } | CallerKind::Federated { user: Some(name), .. } => (Kind::User, name.as_str()),
            CallerKind::Federated { user: None, .. } => return self.of_the_account(),
            CallerKind::Session { role, .. } => (Kind::Role, name_of(role)),
        };
        let snap = self.db.read()?;
        let generation = keys::generation(&snap)?;
        if let Some(effective) = self.cache.effective(generation, kind, name) {
            return Ok(effective);
        }
        let effective = Arc::new(match kind {
            Kind::User => self.read_effective::<User>(&snap, name)?,
            Kind::Role => self.read_effective::<Role>(&snap, name)?,
            // Nobody calls as a group.
            Kind::Group => Effective::default(),
        });
        self.cache.keep_effective(generation, kind, name, &effective);
        Ok(effective)
    }

    /// What the account itself has, which may do everything.
    fn of_the_account(&self) -> Result<Arc<Effective>, Error> {
        let all = self.managed_policy(&self.db.read()?, "arn:aws:iam::aws:policy/AdministratorAccess")?;
        Ok(Arc::new(Effective { identity: vec![all], ..Effective::default() }))
    }

    fn read_effective<E: Entity>(&self, snap: &Snap, name: &str) -> Result<Effective, Error> {
        let mut entity: E = match owner::find(snap, name) {
            Ok(entity) => entity,
            // Who is gone may do nothing.
            Err(Error::NoSuchEntity(_)) => return Ok(Effective::default()),
            Err(error) => return Err(error),
        };
        let identity = self.policies_of::<E>(snap, name)?.into_iter().map(|source| source.policy).collect();
        let boundary = entity.boundary().take().map(|arn| self.managed_policy(snap, &arn)).transpose()?;
        let arn = arn(&self.account, E::NOUN, entity.path(), entity.name());
        let (id, trust) = (entity.id().to_owned(), entity.trust().map(str::to_owned));
        let tags = std::mem::take(entity.tags());
        Ok(Effective { id: Some(id), name: Some(arn.to_string()), arn: Some(arn), identity, boundary, tags, trust })
    }

    /// The inline and attached policies of a user, role or group, and of the groups that a user is in.
    pub fn policies_of<O: Owner>(&self, read: &impl Read, name: &str) -> Result<Vec<Source>, Error> {
        let mut policies = self.own_policies_of::<O>(read, name)?;
        if O::KIND == Kind::User {
            for group in group::of(read, name)? {
                policies.extend(self.own_policies_of::<Group>(read, &group.name)?);
            }
        }
        Ok(policies)
    }

    fn own_policies_of<O: Owner>(&self, read: &impl Read, name: &str) -> Result<Vec<Source>, Error> {
        let owner = (O::KIND.code(), fold(name));
        let mut policies = Vec::new();
        for row in INLINE.scan_prefix(read, &owner, Order::Forward)? {
            let ((_, _, inline), document) = row?;
            policies.push(Source { id: format!("{}_{name}_{inline}", O::NOUN), policy: self.cache.policy(&document)? });
        }
        for key in ATTACHED.scan_prefix(read, &owner, Order::Forward)?.keys() {
            let (_, _, arn) = key?;
            if aws_managed::is_of_service(&arn) {
                continue;
            }
            let id = arn.rsplit('/').next().unwrap_or_default().to_owned();
            policies.push(Source { id, policy: self.managed_policy(read, &arn)? });
        }
        Ok(policies)
    }

    pub fn managed_policy(&self, read: &impl Read, policy_arn: &str) -> Result<Policy, Error> {
        Ok(self.cache.policy(&managed::document(read, policy_arn)?)?)
    }
}

/// The user of a session, who must be the one that it was given to.
fn same_user(read: &impl Read, name: &str, id: &str) -> Result<User, CredentialError> {
    let user: User = found(owner::find(read, name))?;
    if user.id == id { Ok(user) } else { Err(CredentialError::Unknown) }
}

/// What conditions may ask of temporary credentials.
fn of_facts(facts: &SessionFacts, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("aws:TokenIssueTime", facts.issued.iso8601()),
        ("aws:MultiFactorAuthPresent", facts.mfa.is_some().to_string()),
    ];
    let age = |at| now.since(at).as_secs().to_string();
    values.extend(facts.mfa.map(|at| ("aws:MultiFactorAuthAge", age(at))));
    values.extend(facts.source_identity.clone().map(|identity| ("aws:SourceIdentity", identity)));
    values
}

/// The tags of a caller: those of its session hide those of its user or role, whatever the case of their keys.
fn principal_tags<'a>(caller: &'a Caller, own: &'a Tags) -> impl Iterator<Item = (String, &'a str)> {
    static NONE: Tags = Tags::new();
    let session = caller.session.as_ref().map_or(&NONE, |facts| &facts.tags);
    let hidden = |key: &str| session.keys().any(|other| other.eq_ignore_ascii_case(key));
    let own = own.iter().filter(move |(key, _)| !hidden(key));
    session.iter().chain(own).map(|(key, value)| (format!("aws:PrincipalTag/{key}"), value.as_str()))
}

fn unavailable(error: kv::Error) -> CredentialError {
    tracing::error!(%error, "access keys cannot be read");
    CredentialError::Unavailable
}

fn found<E>(result: Result<E, Error>) -> Result<E, CredentialError> {
    result.map_err(|error| match error {
        Error::Store(error) => unavailable(error),
        _ => CredentialError::Unknown,
    })
}
