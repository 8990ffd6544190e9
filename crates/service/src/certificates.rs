//! Certificates for hosts that owners choose for what is theirs: whoever speaks TLS here tells how it stands with one.

use base::Timestamp;

/// How it stands with the certificate for a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// When the one ends that is shown, if there is one.
    pub until: Option<Timestamp>,
    /// Whether one is ordered by itself.
    pub is_ordered: bool,
    /// What is in the way of that, or was the last time.
    pub trouble: Option<String>,
}

impl Certificate {
    /// Whether there is none yet, but will be.
    pub fn is_awaited(&self) -> bool {
        self.until.is_none() && self.is_ordered
    }

    /// What the host's owner is to know, if there is anything.
    pub fn message(&self) -> Option<String> {
        match (&self.trouble, self.until) {
            (Some(trouble), _) => Some(trouble.clone()),
            (None, Some(_)) => None,
            (None, None) if self.is_ordered => Some("A certificate is being ordered.".into()),
            (None, None) => Some("This server has no certificate for the name, and orders none.".into()),
        }
    }
}

/// Whoever speaks TLS for the server.
pub trait Certificates: Send + Sync {
    /// How it stands with the certificate for a name, which is that of a host or begins with `*.`.
    fn of(&self, name: &str) -> Certificate;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_told_what_is_missing() {
        let shown = Certificate { until: Some(Timestamp(1)), is_ordered: true, trouble: None };
        assert_eq!((shown.is_awaited(), shown.message()), (false, None));
        let troubled = Certificate { trouble: Some("why".into()), ..shown };
        assert_eq!((troubled.is_awaited(), troubled.message().as_deref()), (false, Some("why")));
        let awaited = Certificate { until: None, is_ordered: true, trouble: None };
        assert!(awaited.is_awaited() && awaited.message().is_some_and(|message| message.contains("being ordered")));
        let none = Certificate::default();
        assert!(!none.is_awaited() && none.message().is_some_and(|message| message.contains("orders none")));
    }
}
