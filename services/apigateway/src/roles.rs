//! Roles as which APIs ask what is behind them.

use base::Arn;
use service::{Caller, Permission, roles};

use crate::error::Error;

/// Whom these roles trust.
pub const PRINCIPAL: &str = "apigateway.amazonaws.com";
/// What stands for the signer of the request itself.
pub const OF_CALLER: &str = "arn:aws:iam::*:user/*";

/// What giving an API a role needs; nothing for the caller's own credentials. Where a stage's variable names the role, it may
/// become any.
pub fn pass(role: Option<&str>) -> Option<Permission> {
    let role = role.filter(|role| !role.is_empty() && *role != OF_CALLER)?;
    Some(roles::pass(PRINCIPAL, if role.contains("${") { "*" } else { role }))
}

/// Refuses what is no role of this account. Whether it trusts API Gateway is asked when it is used, as on AWS.
pub fn check(role: &str, account: &str) -> Result<(), Error> {
    if role == OF_CALLER {
        return Err(Error::not_implemented(format!("The caller's own credentials ({OF_CALLER}); name a role instead")));
    }
    let arn: Option<Arn> = role.parse().ok();
    match arn.filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/")) {
        Some(arn) if arn.account == account => Ok(()),
        Some(_) => Err(Error::bad(format!("Cross-account pass role is not allowed: {role}"))),
        None => Err(Error::bad(format!("Invalid credentials ARN specified: {role}. The ARN of a role is expected"))),
    }
}

/// Who asks for a method or a route, `source`: the API itself, or a session of the role that it has.
pub fn caller(source: &Arn, role: Option<&Arn>) -> Caller {
    match role {
        Some(role) => {
            let session = source.resource.split('/').next().unwrap_or_default();
            Caller::assumed(role, session, PRINCIPAL, source.clone())
        }
        None => {
            let account = base::AccountId::new(source.account.as_str());
            Caller { arn: source.clone(), ..Caller::service(&account, PRINCIPAL) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_asked_for() {
        let role = "arn:aws:iam::000000000000:role/r";
        for (given, asked) in [
            ("", None),
            (OF_CALLER, None),
            (role, Some(role)),
            ("${stageVariables.role}", Some("*")),
            ("arn:aws:iam::000000000000:role/${stageVariables.r}", Some("*")),
        ] {
            assert_eq!(pass(Some(given)).map(|permission| permission.resource).as_deref(), asked, "{given}");
        }
        assert!(pass(None).is_none());
    }

    #[test]
    fn roles_are_of_the_account() {
        assert!(check("arn:aws:iam::000000000000:role/r", "000000000000").is_ok());
        assert!(matches!(check(OF_CALLER, "000000000000"), Err(Error::NotImplemented(_))));
        for role in ["", "r", "arn:aws:iam::000000000000:user/u", "arn:aws:iam::111111111111:role/r"] {
            assert!(matches!(check(role, "000000000000"), Err(Error::BadRequest(_))), "{role}");
        }
    }
}
