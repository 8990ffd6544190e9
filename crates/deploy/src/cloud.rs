//! The cloud as a deployment sees it: AWS operations, and a place to keep stacks and packages.

use async_trait::async_trait;
use serde_json::Value;

/// An operation that failed, with AWS's code and message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallError {
    pub code: String,
    pub message: String,
    /// HTTP's.
    pub status: u16,
}

impl CallError {
    pub fn new(code: impl Into<String>, message: impl Into<String>, status: u16) -> CallError {
        CallError { code: code.into(), message: message.into(), status }
    }

    /// Whether it says that the thing spoken of is not there.
    pub fn is_absent(&self) -> bool {
        let absent = ["NotFound", "NotFoundException", "NoSuchEntity", "NonExistentQueue", "QueueDoesNotExist"];
        self.status == 404 || absent.iter().any(|suffix| self.code.ends_with(suffix))
    }
}

/// What a deployment needs of a cloud. Names and shapes of operations are AWS's: members by their names in the service
/// model, blobs in base64.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Calls an operation: `call("sqs", "CreateQueue", {"QueueName": "q"})`.
    async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, CallError>;

    /// The same for operations that take a body beside their members: an object's bytes.
    async fn send(&self, service: &str, operation: &str, input: Value, body: &[u8]) -> Result<Value, CallError>;

    /// Twelve digits.
    fn account(&self) -> &str;
    fn region(&self) -> &str;
    /// Where clients reach the cloud, without a slash at the end: `http://127.0.0.1:4566`.
    fn endpoint(&self) -> &str;

    /// The stored state of a stack, as [`Cloud::save_stack`] was given it.
    async fn load_stack(&self, name: &str) -> Result<Option<Value>, CallError>;
    /// Stores a stack's state durably.
    async fn save_stack(&self, name: &str, state: &Value) -> Result<(), CallError>;
    async fn delete_stack(&self, name: &str) -> Result<(), CallError>;
    /// The names of the stored stacks.
    async fn list_stacks(&self) -> Result<Vec<String>, CallError>;

    /// The bytes of a package by its SHA-256 in hexadecimal, for a rollback to it.
    async fn load_package(&self, sha256: &str) -> Result<Option<Vec<u8>>, CallError>;
    /// Keeps a package. Keeping it again changes nothing.
    async fn save_package(&self, sha256: &str, bytes: &[u8]) -> Result<(), CallError>;
    async fn delete_package(&self, sha256: &str) -> Result<(), CallError>;
}
