//! What is told of callers: the calls that policies denied, and the least policy that allows what somebody did.

use auth::policy::{Decision, Source, suggest};
use base::{Arn, Timestamp};
use kv::Read;

use crate::error::Error;
use crate::model::owner::{self, Owner};
use crate::types::{Role, User};
use crate::usage::{Suggestion, suggestion};
use crate::{Identity, Mode};

/// Calls that policies denied, or would have: those of one caller for one action and resource together.
pub struct Denied {
    /// The ARN of a user or role, or the name of a service.
    pub principal: String,
    pub action: String,
    /// With a `*` at its end, it stands for many.
    pub resource: String,
    pub count: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub reason: String,
    /// What would allow it, where one more statement in the caller's policies would.
    pub statement: Option<String>,
}

impl Identity {
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What was denied, by caller and action.
    pub fn denials(&self) -> Vec<Denied> {
        let for_want_of_a_statement = Decision::ImplicitDeny { missing: Source::Identity }.to_string();
        let mut all = Vec::new();
        for (principal, action, rows) in self.usage.denials() {
            for row in rows {
                let reason = row.why.unwrap_or_default();
                let statement = (reason == for_want_of_a_statement).then(|| suggest(&action, &row.resource));
                let (principal, action) = (principal.clone(), action.clone());
                let (resource, count, first, last) = (row.resource, row.count, row.first, row.last);
                all.push(Denied { principal, action, resource, count, first, last, reason, statement });
            }
        }
        all
    }

    /// The least policy for what this user or role did.
    ///
    /// # Errors
    /// When there is none with this ARN.
    pub fn suggest(&self, principal: &Arn) -> Result<Suggestion, service::Error> {
        Ok(self.suggestion_for(principal)?)
    }

    fn suggestion_for(&self, principal: &Arn) -> Result<Suggestion, Error> {
        let name = principal.resource.rsplit('/').next().unwrap_or_default();
        let snap = self.db.read()?;
        let policies = match principal.resource.split('/').next() {
            Some("role") => self.own::<Role>(&snap, principal, name)?,
            Some("user") => self.own::<User>(&snap, principal, name)?,
            _ => return Err(Error::InvalidInput(format!("{principal} is the ARN of neither a user nor a role."))),
        };
        Ok(suggestion(&self.usage.of(&principal.to_string()), &policies))
    }

    /// The policies of the one with this ARN, path and all.
    fn own<O: Owner>(&self, read: &impl Read, of: &Arn, name: &str) -> Result<Vec<crate::access::Source>, Error> {
        let found: O = owner::find(read, name)?;
        if crate::types::arn(&self.account, O::NOUN, found.path(), found.name()) != *of {
            return Err(Error::NoSuchEntity(format!("The {} {of} cannot be found.", O::NOUN)));
        }
        self.policies_of::<O>(read, name)
    }

    /// What is counted, for metrics: name, help, value.
    pub fn gauges(&self) -> [(&'static str, &'static str, f64); 2] {
        let (denied, let_through) = self.usage.counts();
        [
            (
                "cloudlet_iam_denied",
                "Calls since the start that policies deny: see `cloudlet iam denied`.",
                denied as f64,
            ),
            ("cloudlet_iam_let_through", "Those of them that went through (--iam audit).", let_through as f64),
        ]
    }
}
