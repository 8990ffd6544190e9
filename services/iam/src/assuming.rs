//! What a session of a role is asked for with, which its trust policy decides on.

use crate::types::Tags;

#[derive(Default)]
pub struct Assuming<'a> {
    pub session_name: &'a str,
    pub external_id: Option<&'a str>,
    /// Tags that the request gives the session, without those that it inherits.
    pub tags: Option<&'a Tags>,
    /// Keys of tags that sessions of this session are to have too.
    pub transitive: &'a [String],
    pub source_identity: Option<&'a str>,
    /// Condition keys of the way that the request came, and their values.
    pub context: Vec<(String, Vec<String>)>,
}

impl Assuming<'_> {
    fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// What has to be allowed, each by itself.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html> and
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html>
    pub fn actions(&self) -> Vec<&'static str> {
        let mut actions = vec!["sts:AssumeRole"];
        if self.tags().next().is_some() || !self.transitive.is_empty() {
            actions.push("sts:TagSession");
        }
        if self.source_identity.is_some() {
            actions.push("sts:SetSourceIdentity");
        }
        actions
    }

    /// Condition keys of the session that is asked for.
    pub fn of_session(&self) -> Vec<(String, Vec<String>)> {
        let one = |key: &str, value: &str| (key.to_owned(), vec![value.to_owned()]);
        let mut context = service::request_tags(self.tags());
        context.push(one("sts:RoleSessionName", self.session_name));
        context.extend(self.external_id.map(|id| one("sts:ExternalId", id)));
        context.extend(self.source_identity.map(|identity| one("sts:SourceIdentity", identity)));
        if !self.transitive.is_empty() {
            context.push(("sts:TransitiveTagKeys".to_owned(), self.transitive.to_vec()));
        }
        context
    }
}
