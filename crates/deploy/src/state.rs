//! What is known of a stack that was deployed: stored through the cloud, versioned, read before the next deployment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cloud::Cloud;
use crate::error::DeployError;

/// The version that is written. Older ones are read too.
const VERSION: u32 = 1;

/// A stack. What it holds was really made: it is stored after every change, so a deployment that was cut off
/// leaves nothing behind that the next one does not know of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    pub version: u32,
    pub name: String,
    pub status: Status,
    /// In the order in which they were made.
    pub resources: Vec<Deployed>,
    /// What was replaced or taken out and is still to be deleted.
    #[serde(default)]
    pub leftovers: Vec<Deployed>,
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// Exported values by their names.
    #[serde(default)]
    pub exports: BTreeMap<String, String>,
    /// Names of other stacks' exports that this one uses.
    #[serde(default)]
    pub imports: BTreeSet<String>,
    #[serde(default)]
    pub tags: Map<String, Value>,
    /// The template that was applied last.
    #[serde(default)]
    pub template: Value,
    /// Under which address the cloud was known when this was stored.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub endpoint: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Changes are being made, or were cut off.
    #[default]
    InProgress,
    Complete,
    /// The last deployment failed, and what it had changed was taken back.
    RolledBack,
    /// Taking back failed too: what is there is as recorded, but not as any template has it.
    RollbackFailed,
    DeleteFailed,
}

/// A resource that was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    pub logical_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub physical_id: String,
    /// As they were applied, with every function evaluated.
    #[serde(default)]
    pub properties: Map<String, Value>,
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// Logical ids of what it needs: deleted after it.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// Kept when it leaves the template or the stack is removed.
    #[serde(default)]
    pub retain: bool,
    /// Kept when it is replaced.
    #[serde(default)]
    pub retain_replaced: bool,
}

impl Stack {
    pub fn new(name: &str) -> Stack {
        Stack { version: VERSION, name: name.into(), ..Stack::default() }
    }

    /// The stored stack of this name.
    pub async fn load(cloud: &dyn Cloud, name: &str) -> Result<Option<Stack>, DeployError> {
        let stored = cloud.load_stack(name).await.map_err(|error| DeployError::call("reading the stack", error))?;
        let mut stack = stored.map(|stored| Stack::from_json(name, stored)).transpose()?;
        if let Some(stack) = &mut stack {
            stack.move_to(cloud.endpoint());
        }
        Ok(stack)
    }

    /// The same resources are at another address now: so are the URLs that stand for them. Properties stay as they
    /// were applied; where one holds such a URL, the next plan finds the difference.
    fn move_to(&mut self, endpoint: &str) {
        let before = std::mem::replace(&mut self.endpoint, endpoint.to_owned());
        if before.is_empty() || before == endpoint {
            return;
        }
        let hosts = (format!(".{}", names_of(&before)), format!(".{}", names_of(endpoint)));
        let moved = |text: &mut String| {
            if let Some(rest) = text.strip_prefix(&before).filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                *text = format!("{endpoint}{rest}");
            } else if let Some(name) = text.strip_suffix(&hosts.0) {
                *text = format!("{name}{}", hosts.1);
            }
        };
        for resource in self.resources.iter_mut().chain(&mut self.leftovers) {
            moved(&mut resource.physical_id);
            for (_, value) in &mut resource.attributes {
                if let Value::String(text) = value {
                    moved(text);
                }
            }
        }
        self.outputs.values_mut().chain(self.exports.values_mut()).for_each(moved);
    }

    fn from_json(name: &str, stored: Value) -> Result<Stack, DeployError> {
        let unreadable = |why: String| DeployError::State { stack: name.into(), why };
        let version = stored.get("version").and_then(Value::as_u64).unwrap_or(0);
        if version > u64::from(VERSION) {
            return Err(unreadable(format!("it was written by a later version ({version})")));
        }
        serde_json::from_value(stored).map_err(|error| unreadable(error.to_string()))
    }

    pub async fn save(&self, cloud: &dyn Cloud) -> Result<(), DeployError> {
        let stored = Stack { endpoint: cloud.endpoint().to_owned(), ..self.clone() };
        let state = serde_json::to_value(stored)
            .map_err(|error| DeployError::State { stack: self.name.clone(), why: error.to_string() })?;
        cloud.save_stack(&self.name, &state).await.map_err(|error| DeployError::call("storing the stack", error))
    }

    pub fn find(&self, logical_id: &str) -> Option<&Deployed> {
        self.resources.iter().find(|resource| resource.logical_id == logical_id)
    }

    /// Puts a resource in, in place of the one of its name.
    pub fn put(&mut self, resource: Deployed) {
        match self.resources.iter_mut().find(|present| present.logical_id == resource.logical_id) {
            Some(present) => *present = resource,
            None => self.resources.push(resource),
        }
    }

    pub fn take(&mut self, logical_id: &str) -> Option<Deployed> {
        let position = self.resources.iter().position(|resource| resource.logical_id == logical_id)?;
        Some(self.resources.remove(position))
    }

    /// SHA-256 of the packages that its resources are made of.
    pub fn packages(&self) -> BTreeSet<String> {
        let resources = self.resources.iter().chain(&self.leftovers);
        let codes =
            resources.flat_map(|resource| [resource.properties.get("Code"), resource.properties.get("Content")]);
        codes.flatten().filter_map(|code| code.get("Package")?.as_str().map(str::to_string)).collect()
    }
}

/// What names of resources are put in front of, where they are hosts: the endpoint's host and port. An address of this
/// machine cannot have names in front of it, and is `localhost`.
pub(crate) fn names_of(endpoint: &str) -> String {
    let authority = endpoint.split("://").last().unwrap_or(endpoint);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, format!(":{port}")),
        _ => (authority, String::new()),
    };
    let is_loopback = host.starts_with("127.") || host == "[::1]";
    format!("{}{port}", if is_loopback { "localhost" } else { host })
}

/// All stored stacks, in order of name.
pub async fn load_all(cloud: &dyn Cloud) -> Result<Vec<Stack>, DeployError> {
    let mut names = cloud.list_stacks().await.map_err(|error| DeployError::call("listing the stacks", error))?;
    names.sort();
    let mut stacks = Vec::new();
    for name in names {
        stacks.extend(Stack::load(cloud, &name).await?);
    }
    Ok(stacks)
}

/// The outputs of all stored stacks, by stack and output, for `${cf:}`.
pub async fn outputs(cloud: &dyn Cloud) -> Result<BTreeMap<String, BTreeMap<String, String>>, DeployError> {
    Ok(load_all(cloud).await?.into_iter().map(|stack| (stack.name, stack.outputs)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stored stack is read by every later version: this text must never change.
    const GOLDEN: &str = r#"{"version":1,"name":"blog-dev","status":"COMPLETE","resources":[{"logical_id":"Table","type":"AWS::DynamoDB::Table","physical_id":"users","properties":{"TableName":"users"},"attributes":{"Arn":"arn:aws:dynamodb:us-east-1:000000000000:table/users"},"depends_on":["Role"],"retain":true,"retain_replaced":false}],"leftovers":[],"outputs":{"Url":"http://x"},"exports":{"shared-url":"http://x"},"imports":["other"],"tags":{},"template":{"Resources":{}}}"#;

    #[test]
    fn urls_follow_the_cloud_to_another_address() {
        let mut stack = Stack::from_json("blog-dev", serde_json::from_str(GOLDEN).unwrap()).unwrap();
        stack.resources[0].physical_id = "http://a:1/queue".into();
        stack.outputs.insert("Other".into(), "http://a:11/x".into());
        stack.outputs.insert("Queue".into(), "http://a:1/queue".into());
        stack.outputs.insert("Bucket".into(), "photos.s3.a:1".into());
        stack.endpoint = "http://a:1".into();
        stack.move_to("http://a:2");
        assert_eq!(
            (&*stack.resources[0].physical_id, &*stack.outputs["Queue"]),
            ("http://a:2/queue", "http://a:2/queue")
        );
        assert_eq!(stack.outputs["Bucket"], "photos.s3.a:2");
        assert_eq!((&*stack.outputs["Other"], &*stack.endpoint), ("http://a:11/x", "http://a:2"));
    }

    #[test]
    fn names_are_put_in_front_of_the_server() {
        assert_eq!(names_of("http://127.0.0.1:4566"), "localhost:4566");
        assert_eq!(names_of("http://[::1]:4566"), "localhost:4566");
        assert_eq!(names_of("https://cloud.example.com"), "cloud.example.com");
    }

    #[test]
    fn the_first_version_is_read_and_written_as_it_was() {
        let stack = Stack::from_json("blog-dev", serde_json::from_str(GOLDEN).unwrap()).unwrap();
        assert_eq!(stack.find("Table").unwrap().physical_id, "users");
        assert_eq!(serde_json::to_string(&stack).unwrap(), GOLDEN);
        assert!(Stack::from_json("x", serde_json::json!({"version": 2})).is_err());
    }
}
