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
        tag_key(&member("key"), key)?;
        tag_text(&member("value"), value, limits::TAG_VALUE_CHARACTERS_MAX, "*")?;
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

/// Keys of tags that are to be taken away.
pub fn tag_keys(list: &[String]) -> Result<(), Error> {
    if list.len() > limits::TAGS_MAX {
        let constraint = format!("Member must have length less than or equal to {}", limits::TAGS_MAX);
        return Err(Error::constraint("tagKeys", "of the request", constraint));
    }
    list.iter().enumerate().try_for_each(|(index, key)| tag_key(&format!("tagKeys.{}.member", index + 1), key))
}

fn tag_key(member: &str, key: &str) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::constraint(member, "''", "Member must have length greater than or equal to 1"));
    }
    tag_text(member, key, limits::TAG_KEY_CHARACTERS_MAX, "+")
}

/// A tag's key or value.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html>
fn tag_text(member: &str, text: &str, characters_max: usize, repeat: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c);
    let constraint = if text.chars().count() > characters_max {
        format!("Member must have length less than or equal to {characters_max}")
    } else if !text.chars().all(fits) {
        format!(r"Member must satisfy regular expression pattern: [\p{{L}}\p{{Z}}\p{{N}}_.:/=+\-@]{repeat}")
    } else {
        return Ok(());
    };
    Err(Error::constraint(member, format_args!("'{text}'"), constraint))
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
        let refusal = |key: &str| tags(&[tag("a"), tag(key)]).unwrap_err().to_string();
        let constraint = |value: &str, constraint: &str| {
            format!(
                "1 validation error detected: Value '{value}' at 'tags.2.member.key' failed to satisfy constraint: {constraint}"
            )
        };
        let pattern = r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+";
        let long = "k".repeat(129);
        assert_eq!(refusal("NOWAY!"), constraint("NOWAY!", pattern));
        assert_eq!(refusal(""), constraint("", "Member must have length greater than or equal to 1"));
        assert_eq!(refusal(&long), constraint(&long, "Member must have length less than or equal to 128"));
        assert!(tags(&[Tag { key: "größe".into(), value: "a b/c@d".into() }]).is_ok());
        assert!(tags(&[Tag { key: "a".into(), value: "x{}".into() }]).is_err());
        assert!(tag_keys(&["a".to_owned(), "NOWAY!".to_owned()]).is_err());
        assert!(tag_keys(&vec!["a".to_owned(); 51]).is_err());
    }
}
