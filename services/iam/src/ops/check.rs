//! The constraints on members, and AWS's words for those that do not hold.

use auth::policy::{Policy, PolicyError, Use};

use super::Tag;
use crate::error::Error;
use crate::limits;
use crate::model::owner::Owner;
use crate::types::Tags;

/// Names of users, roles and policies.
pub fn name(member: &str, value: &str, characters_max: usize) -> Result<(), Error> {
    if value.is_empty() {
        return Err(Error::missing(member));
    }
    if value.chars().count() > characters_max {
        return Err(Error::constraint(
            member,
            format_args!("'{value}'"),
            format_args!("Member must have length less than or equal to {characters_max}"),
        ));
    }
    if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte)) {
        return Err(Error::Validation(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )));
    }
    Ok(())
}

/// A path, or the root where there is none.
pub fn path(value: Option<&str>) -> Result<String, Error> {
    let path = value.unwrap_or("/");
    let printable = path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if path.starts_with('/') && path.ends_with('/') && printable && path.len() <= limits::PATH_CHARACTERS_MAX {
        return Ok(path.into());
    }
    Err(Error::Validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.".into(),
    ))
}

/// Another name and path for one of `O`, of which there may be one, both or none.
pub fn rename<O: Owner>(old: &str, member: &str, new_name: Option<&str>, new_path: Option<&str>) -> Result<(), Error> {
    name(O::NAME_MEMBER, old, O::NAME_CHARACTERS_MAX)?;
    new_name.map_or(Ok(()), |new| name(member, new, O::NAME_CHARACTERS_MAX))?;
    new_path.map_or(Ok(()), |new| path(Some(new)).map(drop))
}

pub fn description(value: Option<String>) -> Result<Option<String>, Error> {
    match &value {
        Some(text) if text.chars().count() > limits::DESCRIPTION_CHARACTERS_MAX => {
            let constraint =
                format!("Member must have length less than or equal to {}", limits::DESCRIPTION_CHARACTERS_MAX);
            Err(Error::constraint("description", "of the request", constraint))
        }
        _ => Ok(value.filter(|text| !text.is_empty())),
    }
}

pub fn number(member: &str, value: i64, range: &std::ops::RangeInclusive<i64>) -> Result<i64, Error> {
    let bound = match value {
        _ if range.contains(&value) => return Ok(value),
        _ if value < *range.start() => format!("Member must have value greater than or equal to {}", range.start()),
        _ => format!("Member must have value less than or equal to {}", range.end()),
    };
    Err(Error::constraint(member, format_args!("'{value}'"), bound))
}

/// A document that says who may assume a role.
pub fn trust(document: &str) -> Result<(), Error> {
    if document.is_empty() {
        return Err(Error::missing("assumeRolePolicyDocument"));
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(document).is_err() {
        let message = "This policy contains invalid Json".into();
        return Err(Error::MalformedPolicyDocument(PolicyError { message, place: String::new() }));
    }
    let policy = Policy::parse(document)?.check(Use::Trust)?;
    if policy.size() > limits::TRUST_POLICY_CHARACTERS_MAX {
        return Err(Error::LimitExceeded { quota: "ACLSizePerRole", limit: limits::TRUST_POLICY_CHARACTERS_MAX });
    }
    Ok(())
}

/// Tags, whose keys differ by more than case.
pub fn tags(list: &[Tag]) -> Result<Tags, Error> {
    let mut tags = Tags::new();
    for (index, Tag { key, value }) in list.iter().enumerate() {
        let member = |part: &str| format!("tags.{}.member.{part}", index + 1);
        if key.is_empty() || key.chars().count() > limits::TAG_KEY_CHARACTERS_MAX {
            return Err(Error::constraint(
                &member("key"),
                format_args!("'{key}'"),
                "Member must have length between 1 and 128",
            ));
        }
        if value.chars().count() > limits::TAG_VALUE_CHARACTERS_MAX {
            return Err(Error::constraint(
                &member("value"),
                format_args!("'{value}'"),
                "Member must have length less than or equal to 256",
            ));
        }
        if tags.keys().any(|other| other.eq_ignore_ascii_case(key)) {
            return Err(Error::InvalidInput(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.".into(),
            ));
        }
        tags.insert(key.clone(), value.clone());
    }
    if tags.len() > limits::TAGS_MAX {
        return Err(Error::constraint(
            "tags",
            "of the request",
            format_args!("Member must have length less than or equal to {}", limits::TAGS_MAX),
        ));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(name("userName", "a.B-c_d+e=f,g@h", 64).is_ok());
        let words = |value: &str| name("userName", value, 4).unwrap_err().to_string();
        assert_eq!(
            words(""),
            "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null"
        );
        assert_eq!(
            words("abcde"),
            "1 validation error detected: Value 'abcde' at 'userName' failed to satisfy constraint: Member must have length less than or equal to 4"
        );
        assert_eq!(
            words("a b"),
            "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        );
    }

    #[test]
    fn paths_and_tags() {
        assert_eq!(path(None).unwrap(), "/");
        assert_eq!(path(Some("/a/b/")).unwrap(), "/a/b/");
        for broken in ["", "a/", "/a", "/a b/"] {
            assert!(path(Some(broken)).is_err(), "{broken}");
        }
        let tag = |key: &str| Tag { key: key.into(), value: String::new() };
        assert_eq!(tags(&[tag("a"), tag("b")]).unwrap().len(), 2);
        for again in ["a", "A"] {
            assert!(matches!(tags(&[tag("a"), tag(again)]), Err(Error::InvalidInput(_))), "{again}");
        }
        assert!(tags(&[tag("")]).is_err());
    }
}
