//! SetIdentityPoolRoles, GetIdentityPoolRoles.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Error as ServiceError, Permission, roles as passing};

use super::{Empty, PoolInput, Texts, find_pool, of_pool, on};
use crate::credentials::{AUTHENTICATED, UNAUTHENTICATED};
use crate::error::Error;
use crate::limits::{ROLE_MAPPINGS_MAX, RULES_MAX};
use crate::model::pool as pools;
use crate::types::{Matching, Pool, RoleMapping, Rule};
use crate::{Identities, signing};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SetInput {
    pub identity_pool_id: String,
    pub roles: Texts,
    pub role_mappings: Option<BTreeMap<String, MappingType>>,
}
of_pool!(SetInput);

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MappingType {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ambiguous_role_resolution: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_configuration: Option<RulesType>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RulesType {
    pub rules: Vec<RuleType>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RuleType {
    pub claim: String,
    pub match_type: String,
    pub value: String,
    #[serde(rename = "RoleARN")]
    pub role: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub identity_pool_id: String,
    pub roles: Texts,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub role_mappings: BTreeMap<String, MappingType>,
}

impl MappingType {
    fn read(self) -> Result<RoleMapping, Error> {
        let mut constraints = Constraints::default();
        constraints.one_of(Some(&self.kind), "roleMappings.type", &["Token", "Rules"]);
        let ambiguous = self.ambiguous_role_resolution.as_deref();
        let member = "roleMappings.ambiguousRoleResolution";
        constraints.one_of(ambiguous, member, &["AuthenticatedRole", "Deny"]);
        let rules = self.rules_configuration.unwrap_or_default().rules;
        for rule in &rules {
            constraints.one_of(Some(&rule.match_type), "rules.matchType", &Matching::WORDS);
        }
        constraints.check()?;
        let is_rules = self.kind == "Rules";
        if is_rules && (rules.is_empty() || rules.len() > RULES_MAX) {
            return Err(Error::parameter(format!("A role mapping by rules has between 1 and {RULES_MAX} rules.")));
        }
        if ambiguous.is_none() {
            return Err(Error::parameter("AmbiguousRoleResolution is required for role mappings."));
        }
        if rules.iter().any(|rule| !is_role(&rule.role) || rule.claim.is_empty() || rule.value.is_empty()) {
            return Err(Error::parameter("A rule of a role mapping has a Claim, a Value and the ARN of a role."));
        }
        let rule = |rule: RuleType| Rule {
            claim: rule.claim,
            matching: Matching::read(&rule.match_type).unwrap_or(Matching::Equals),
            value: rule.value,
            role: rule.role,
        };
        let denies = ambiguous == Some("Deny");
        let rules = is_rules.then(|| rules.into_iter().map(rule).collect());
        Ok(RoleMapping { rules, denies, says_ambiguous: true })
    }
}

impl From<RoleMapping> for MappingType {
    fn from(mapping: RoleMapping) -> MappingType {
        let rule = |rule: Rule| RuleType {
            claim: rule.claim,
            match_type: rule.matching.word().into(),
            value: rule.value,
            role: rule.role,
        };
        let resolution = if mapping.denies { "Deny" } else { "AuthenticatedRole" };
        MappingType {
            kind: if mapping.rules.is_some() { "Rules" } else { "Token" }.into(),
            ambiguous_role_resolution: mapping.says_ambiguous.then(|| resolution.into()),
            rules_configuration: mapping.rules.map(|rules| RulesType { rules: rules.into_iter().map(rule).collect() }),
        }
    }
}

fn is_role(text: &str) -> bool {
    text.parse::<base::Arn>().is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
}

/// Whoever says which roles others get must be allowed to give them away.
pub fn permissions(_: &Identities, cx: &Cx, input: &SetInput) -> Result<Vec<Permission>, ServiceError> {
    let mut all = vec![Permission::new("cognito-identity:SetIdentityPoolRoles", on(cx, input))];
    let mapped = input.role_mappings.iter().flatten().filter_map(|(_, mapping)| mapping.rules_configuration.as_ref());
    let mapped = mapped.flat_map(|rules| rules.rules.iter().map(|rule| rule.role.as_str()));
    for role in input.roles.values().map(String::as_str).chain(mapped) {
        all.push(passing::pass(signing::PROVIDER, role));
    }
    Ok(all)
}

pub async fn set(_: Arc<Identities>, cx: Cx, input: SetInput) -> Result<Empty, Error> {
    let found = find_pool(&cx, &input.identity_pool_id)?;
    for (kind, role) in &input.roles {
        if ![AUTHENTICATED, UNAUTHENTICATED].contains(&kind.as_str()) {
            return Err(Error::parameter(format!(
                "{kind} is no kind of role: it is authenticated or unauthenticated."
            )));
        }
        if !is_role(role) {
            return Err(Error::parameter(format!("Invalid RoleARN: {role}")));
        }
    }
    let mappings = input.role_mappings.unwrap_or_default();
    if mappings.len() > ROLE_MAPPINGS_MAX {
        return Err(Error::parameter(format!("An identity pool has {ROLE_MAPPINGS_MAX} role mappings at most.")));
    }
    let mappings = mappings.into_iter().map(|(provider, mapping)| Ok((provider, mapping.read()?)));
    let mappings = mappings.collect::<Result<BTreeMap<_, _>, Error>>()?;
    let change = move |pool: &mut Pool| {
        pool.roles.clone_from(&input.roles);
        pool.mappings.clone_from(&mappings);
        Ok(())
    };
    cx.db().write(move |tx| pools::change(tx, &found.id, &change)).await?;
    Ok(Empty {})
}

pub async fn get(_: Arc<Identities>, cx: Cx, input: PoolInput) -> Result<GetOutput, Error> {
    let found = find_pool(&cx, &input.identity_pool_id)?;
    let mappings = found.mappings.into_iter().map(|(provider, mapping)| (provider, mapping.into()));
    Ok(GetOutput { identity_pool_id: found.id, roles: found.roles, role_mappings: mappings.collect() })
}
