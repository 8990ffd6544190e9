//! How a bucket is reached: what the environment says of it, as AWS's own tools read it.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>. Each variable may also be given as
//! `CLOUDLET_ARCHIVE_…` instead of `AWS_…`, which goes first: for those whose `AWS_…` are those of a Cloudlet server.

use std::fs;
use std::path::PathBuf;

use crate::{Error, Result};

const OWN: &str = "CLOUDLET_ARCHIVE_";
const USUAL: &str = "AWS_";

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

/// What was found; of what was not, there is a default.
#[derive(Default)]
pub(super) struct Settings {
    /// `None`: those of the machine, if it has any.
    pub key: Option<Key>,
    pub region: Option<String>,
    pub endpoint: Option<String>,
    /// A file with certificates to trust besides the system's.
    pub authorities: Option<PathBuf>,
}

/// Where settings come from.
pub(super) struct Source<'a> {
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    fn variable(&self, prefix: &str, name: &str) -> Option<String> {
        (self.variable)(&format!("{prefix}{name}")).filter(|value| !value.is_empty())
    }

    fn either(&self, name: &str) -> Option<String> {
        self.variable(OWN, name).or_else(|| self.variable(USUAL, name))
    }

    /// # Errors
    /// When half of an access key is there, or a profile that is named is not.
    pub fn settings(&self) -> Result<Settings> {
        let own_profile = self.variable(OWN, "PROFILE");
        let profile = own_profile.clone().or_else(|| self.variable(USUAL, "PROFILE"));
        let found = self.profile(profile.as_deref())?;
        let value = |name: &str| found.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let of_profile = match (value("aws_access_key_id"), value("aws_secret_access_key")) {
            (Some(id), Some(secret)) => Some(Key { id, secret, token: value("aws_session_token") }),
            _ => None,
        };
        let mut key = self.key(OWN)?;
        if own_profile.is_some() {
            key = key.or_else(|| of_profile.clone());
        }
        let key = match key {
            Some(key) => Some(key),
            None => self.key(USUAL)?.or(of_profile),
        };
        let region = self.either("REGION").or_else(|| self.either("DEFAULT_REGION")).or_else(|| value("region"));
        let endpoint =
            self.either("ENDPOINT_URL_S3").or_else(|| self.either("ENDPOINT_URL")).or_else(|| value("endpoint_url"));
        let authorities = self.either("CA_BUNDLE").or_else(|| value("ca_bundle")).map(PathBuf::from);
        Ok(Settings { key, region, endpoint, authorities })
    }

    fn key(&self, prefix: &str) -> Result<Option<Key>> {
        let variable = |name: &str| self.variable(prefix, name);
        match (variable("ACCESS_KEY_ID"), variable("SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => Ok(Some(Key { id, secret, token: variable("SESSION_TOKEN") })),
            (None, None) => Ok(None),
            _ => Err(Error::Settings(format!(
                "{prefix}ACCESS_KEY_ID and {prefix}SECRET_ACCESS_KEY belong together: set both, or neither"
            ))),
        }
    }

    /// What the files say of a profile, `default` when none is named: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.
    fn profile(&self, named: Option<&str>) -> Result<Vec<(String, String)>> {
        let file = |variable: &str, usual: &str| {
            let usual = || (self.variable)("HOME").map(|home| PathBuf::from(home).join(usual));
            let path = self.either(variable).map(PathBuf::from).or_else(usual);
            path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default()
        };
        let name = named.unwrap_or("default");
        let config = file("CONFIG_FILE", ".aws/config");
        let credentials = file("SHARED_CREDENTIALS_FILE", ".aws/credentials");
        let in_config = if name == "default" { name.to_owned() } else { format!("profile {name}") };
        let found = [section(&config, &in_config), section(&credentials, name)];
        if named.is_some() && found.iter().all(Option::is_none) {
            return Err(Error::Settings(format!(
                "there is no profile '{name}' in ~/.aws/config or ~/.aws/credentials, which AWS_PROFILE names"
            )));
        }
        Ok(found.into_iter().flatten().flatten().collect())
    }
}

/// The values of a section of an INI file.
fn section(text: &str, name: &str) -> Option<Vec<(String, String)>> {
    let (mut found, mut inside) = (None::<Vec<_>>, false);
    for line in text.lines() {
        // What is indented belongs to a nested value, such as `s3 =`.
        let nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            inside = title.trim() == name;
            if inside {
                found.get_or_insert_default();
            }
        } else if let (true, false, Some((key, value))) = (inside, nested, line.split_once('=')) {
            found.get_or_insert_default().push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Source { variable: &variable }.settings()
    }

    fn id(settings: &Settings) -> Option<&str> {
        settings.key.as_ref().map(|key| &*key.id)
    }

    #[test]
    fn what_is_more_particular_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("credentials"), "# keys\n[default]\naws_access_key_id = D\naws_secret_access_key=d\n[other]\naws_access_key_id=O\naws_secret_access_key=o\naws_session_token=t=\n").unwrap();
        fs::write(path("config"), "[default]\nregion = eu-west-1\ns3 =\n  region = nested\n[profile other]\nregion=eu-west-3\nendpoint_url = http://o\n").unwrap();
        let (credentials, config) = (path("credentials"), path("config"));
        let files = [("AWS_SHARED_CREDENTIALS_FILE", &*credentials), ("AWS_CONFIG_FILE", &*config)];
        let with = |more: &[(&'static str, &'static str)]| {
            let all: Vec<(&str, &str)> = files.iter().copied().chain(more.iter().copied()).collect();
            settings(&all)
        };
        let usual = with(&[]).unwrap();
        assert_eq!(
            (id(&usual), usual.region.as_deref(), usual.endpoint.as_deref()),
            (Some("D"), Some("eu-west-1"), None)
        );
        let other = with(&[("AWS_PROFILE", "other")]).unwrap();
        assert_eq!(other.key.as_ref().unwrap().token.as_deref(), Some("t="));
        assert_eq!((id(&other), other.region.as_deref()), (Some("O"), Some("eu-west-3")));
        assert_eq!(other.endpoint.as_deref(), Some("http://o"));
        let keys = [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "a"), ("AWS_ENDPOINT_URL", "http://x")];
        let both = with(&[keys.as_slice(), &[("AWS_PROFILE", "other"), ("AWS_REGION", "r")]].concat()).unwrap();
        assert_eq!(
            (id(&both), both.region.as_deref(), both.endpoint.as_deref()),
            (Some("A"), Some("r"), Some("http://x"))
        );
        let own = with(
            &[keys.as_slice(), &[("CLOUDLET_ARCHIVE_PROFILE", "other"), ("AWS_ENDPOINT_URL_S3", "http://s3")]].concat(),
        );
        let own = own.unwrap();
        assert_eq!((id(&own), own.endpoint.as_deref()), (Some("O"), Some("http://s3")));
        let missing = with(&[("AWS_PROFILE", "nobody")]).err().unwrap().to_string();
        assert!(missing.contains("no profile 'nobody'"), "{missing}");
    }

    #[test]
    fn half_a_key_is_refused() {
        assert!(settings(&[("AWS_ACCESS_KEY_ID", "A"), ("HOME", "/nowhere")]).is_err());
        let none = settings(&[("AWS_REGION", ""), ("HOME", "/nowhere")]).unwrap();
        assert!(none.key.is_none() && none.region.is_none());
    }
}
