//! What a session is asked to say beside whose it is: tags, a source identity, and managed policies that narrow it.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>

use std::ops::RangeInclusive;

use base::Arn;
use serde::Deserialize;
use service::SessionFacts;

use super::{Tag, check, session};
use crate::error::Error;
use crate::limits;
use crate::types::Tags;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PolicyArn {
    pub arn: String,
}

/// Tags of a session, whose keys differ by more than case.
pub fn tags(list: &[Tag]) -> Result<Tags, Error> {
    for (index, tag) in list.iter().enumerate() {
        if list.iter().take(index).any(|other| other.key.eq_ignore_ascii_case(&tag.key)) {
            return Err(Error::InvalidParameter(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.".into(),
            ));
        }
    }
    check::tags(list)
}

/// Which of the tags go on to sessions that are opened with this one, by their keys as the tags have them.
pub fn transitive(tags: &Tags, keys: &[String]) -> Result<Vec<String>, Error> {
    let spelled = |key: &String| {
        let found = tags.keys().find(|other| other.eq_ignore_ascii_case(key)).cloned();
        found.ok_or_else(|| {
            Error::InvalidParameter("The specified transitive tag key must be included in the requested tags.".into())
        })
    };
    keys.iter().map(spelled).collect()
}

pub fn source_identity(value: Option<&str>) -> Result<Option<String>, Error> {
    let Some(value) = value else { return Ok(None) };
    word("sourceIdentity", value, &limits::SOURCE_IDENTITY_CHARACTERS_RANGE)?;
    Ok(Some(value.to_owned()))
}

/// A name of a session.
pub fn word(member: &str, value: &str, characters: &RangeInclusive<usize>) -> Result<(), Error> {
    let constraint = if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)) {
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*".to_owned()
    } else if value.len() < *characters.start() {
        format!("Member must have length greater than or equal to {}", characters.start())
    } else if value.len() > *characters.end() {
        format!("Member must have length less than or equal to {}", characters.end())
    } else {
        return Ok(());
    };
    Err(Error::constraint(member, format_args!("'{value}'"), constraint))
}

pub fn policy_arns(list: &[PolicyArn]) -> Result<Vec<String>, Error> {
    if list.len() > limits::SESSION_POLICY_ARNS_MAX {
        let most = limits::SESSION_POLICY_ARNS_MAX;
        let constraint = format!("Member must have length less than or equal to {most}");
        return Err(Error::constraint("policyArns", "of the request", constraint));
    }
    let checked = |PolicyArn { arn }: &PolicyArn| match arn.parse::<Arn>() {
        Ok(parsed) if parsed.service == "iam" && parsed.resource.starts_with("policy/") => Ok(arn.clone()),
        _ => Err(Error::Validation(format!("{arn} is invalid"))),
    };
    list.iter().map(checked).collect()
}

/// What a session says that is opened with another: what that hands on, and what is asked.
pub fn inherit(asked: SessionFacts, from: &SessionFacts) -> Result<SessionFacts, Error> {
    let mut facts = asked;
    for key in &from.transitive {
        if facts.tags.keys().any(|asked| asked.eq_ignore_ascii_case(key)) {
            return Err(Error::InvalidParameter(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.".into(),
            ));
        }
    }
    let handed_on = from.transitive.iter().filter_map(|key| Some((key.clone(), from.tags.get(key)?.clone())));
    facts.tags.extend(handed_on.collect::<Vec<_>>());
    facts.transitive.extend(from.transitive.iter().cloned());
    if facts.tags.len() > limits::SESSION_TAGS_MAX {
        let constraint = format!("Member must have length less than or equal to {}", limits::SESSION_TAGS_MAX);
        return Err(Error::constraint("tags", "of the request", constraint));
    }
    match (&facts.source_identity, &from.source_identity) {
        (Some(asked), Some(set)) if asked != set => Err(Error::AccessDenied(format!(
            "The source identity of this session is {set}, and sessions that are opened with it cannot have another."
        ))),
        (_, set) => Ok(SessionFacts {
            source_identity: set.clone().or(facts.source_identity.clone()),
            vouched: facts.vouched || from.vouched,
            ..facts
        }),
    }
}

/// How much of what a session may say is used, in percent; `None` where it says nothing.
pub fn packed(policy: Option<&str>, facts: &SessionFacts) -> Result<Option<usize>, Error> {
    let of_policy = policy.map(session::check_session_policy).transpose()?.unwrap_or_default();
    let of_tags: usize = facts.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    let of_arns: usize = facts.policy_arns.iter().map(String::len).sum();
    let bytes = of_policy + of_tags + of_arns;
    let percent = (bytes * 100).div_ceil(limits::SESSION_BYTES_MAX);
    match bytes {
        0 => Ok(None),
        _ if bytes > limits::SESSION_BYTES_MAX => Err(Error::PackedPolicyTooLarge { percent }),
        _ => Ok(Some(percent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(tags: &[(&str, &str)], transitive: &[&str]) -> SessionFacts {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let transitive = transitive.iter().map(|key| (*key).to_owned()).collect();
        SessionFacts { tags, transitive, ..SessionFacts::default() }
    }

    #[test]
    fn what_is_transitive_goes_on_and_stays_as_it_is() {
        let from = facts(&[("Team", "red"), ("own", "x")], &["Team"]);
        let next = inherit(facts(&[("other", "y")], &["other"]), &from).unwrap();
        assert_eq!(next, facts(&[("Team", "red"), ("other", "y")], &["other", "Team"]));
        assert!(inherit(facts(&[("team", "blue")], &[]), &from).is_err());
        let set = |identity: &str| SessionFacts { source_identity: Some(identity.into()), ..SessionFacts::default() };
        assert_eq!(inherit(SessionFacts::default(), &set("ann")).unwrap(), set("ann"));
        assert!(inherit(set("bob"), &set("ann")).is_err());
        let vouched = SessionFacts { vouched: true, ..SessionFacts::default() };
        assert_eq!(inherit(SessionFacts::default(), &vouched).unwrap(), vouched);
    }

    #[test]
    fn keys_have_no_case() {
        let tag = |key: &str| Tag { key: key.into(), value: "v".into() };
        assert!(tags(&[tag("a"), tag("A")]).is_err());
        let tags = tags(&[tag("Team")]).unwrap();
        assert_eq!(transitive(&tags, &["team".into()]).unwrap(), ["Team"]);
        assert!(transitive(&tags, &["other".into()]).is_err());
    }

    #[test]
    fn a_session_says_so_much_at_most() {
        assert_eq!(packed(None, &SessionFacts::default()).unwrap(), None);
        let value = "v".repeat(256);
        let keys: Vec<String> = (0..50).map(|number| format!("key-{number:02}")).collect();
        let many: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
        assert_eq!(packed(None, &facts(&many[..1], &[])).unwrap(), Some(7));
        assert!(matches!(packed(None, &facts(&many, &[])), Err(Error::PackedPolicyTooLarge { percent: 319.. })));
    }
}
