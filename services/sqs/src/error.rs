//! Everything that SQS refuses, and how it says so.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html> and the errors of
//! each operation. Older clients know other codes for the same errors: the `query_code` of [`service::Error`].

use std::fmt::Display;

/// What older clients are told of a queue that is not there: some look for these words.
const NO_QUEUE_FOR_QUERY: &str = "The specified queue does not exist for this wsdl version.";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    #[error("A queue already exists with the same name and a different value for attribute {attribute}")]
    QueueNameExists { attribute: String },
    #[error("The action {0} is not valid for this endpoint.")]
    InvalidAction(&'static str),
    #[error("The address {0} is not valid for this endpoint.")]
    InvalidAddress(String),
    #[error("Unknown Attribute {0}.")]
    InvalidAttributeName(String),
    #[error("You can specify the {0} only when FifoQueue is set to true.")]
    OnlyFifo(String),
    #[error("Invalid value for the parameter {name}. Reason: {reason}")]
    InvalidAttributeValue { name: String, reason: String },
    #[error("{0}")]
    InvalidParameterValue(String),
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(&'static str),
    #[error("{0}")]
    InvalidMessageContents(String),
    #[error("The input receipt handle \"{0}\" is not a valid receipt handle.")]
    ReceiptHandleIsInvalid(String),
    #[error(
        "Value {0} for parameter VisibilityTimeout is invalid. Reason: Message does not exist or is not available for visibility timeout change."
    )]
    MessageNotInflight(u64),
    #[error("There should be at least one {0} in the request.")]
    EmptyBatchRequest(&'static str),
    #[error("Maximum number of entries per request are 10. You have sent {0}.")]
    TooManyEntriesInBatchRequest(usize),
    #[error("Id {0} repeated.")]
    BatchEntryIdsNotDistinct(String),
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
    )]
    InvalidBatchEntryId,
    #[error("Batch requests cannot be longer than {max} bytes. You have sent {sent} bytes.", max = crate::limits::MESSAGE_BYTES_MAX)]
    BatchRequestTooLong { sent: u64 },
    #[error("{0}")]
    UnsupportedOperation(String),
    #[error("{0}")]
    ResourceNotFound(String),
    #[error("{0}")]
    OverLimit(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
}

impl Error {
    /// A parameter whose value is out of its range or form.
    pub fn invalid(value: impl Display, name: &str, reason: impl Display) -> Error {
        Error::InvalidParameterValue(format!("Value {value} for parameter {name} is invalid. Reason: {reason}"))
    }

    pub fn attribute(name: &str, reason: impl Into<String>) -> Error {
        Error::InvalidAttributeValue { name: name.into(), reason: reason.into() }
    }

    /// The JSON protocol's code, and the one of the Query protocol.
    fn codes(&self) -> (&'static str, &'static str) {
        match self {
            Error::QueueDoesNotExist => ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
            Error::QueueNameExists { .. } => ("QueueNameExists", "QueueAlreadyExists"),
            Error::InvalidAction(_) => ("InvalidAction", "InvalidAction"),
            Error::InvalidAddress(_) => ("InvalidAddress", "InvalidAddress"),
            Error::InvalidAttributeName(_) | Error::OnlyFifo(_) => ("InvalidAttributeName", "InvalidAttributeName"),
            Error::InvalidAttributeValue { .. } => ("InvalidAttributeValue", "InvalidAttributeValue"),
            Error::InvalidParameterValue(_) => ("InvalidParameterValueException", "InvalidParameterValue"),
            Error::MissingParameter(_) => ("MissingRequiredParameterException", "MissingParameter"),
            Error::InvalidMessageContents(_) => ("InvalidMessageContents", "InvalidMessageContents"),
            Error::ReceiptHandleIsInvalid(_) => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Error::MessageNotInflight(_) => ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
            Error::EmptyBatchRequest(_) => ("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"),
            Error::TooManyEntriesInBatchRequest(_) => {
                ("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
            }
            Error::BatchEntryIdsNotDistinct(_) => {
                ("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct")
            }
            Error::InvalidBatchEntryId => ("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"),
            Error::BatchRequestTooLong { .. } => ("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"),
            Error::UnsupportedOperation(_) => ("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"),
            Error::ResourceNotFound(_) => ("ResourceNotFoundException", "ResourceNotFoundException"),
            Error::OverLimit(_) => ("OverLimit", "OverLimit"),
            Error::Store(_) => ("InternalFailure", "InternalFailure"),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Error::ResourceNotFound(_) => 404,
            _ => 400,
        }
    }

    /// As an entry of a batch's `Failed` list: code, and whether the sender is at fault.
    pub fn batch_code(&self) -> (&'static str, bool) {
        (self.codes().1, !matches!(self, Error::Store(_)))
    }
}

impl From<Error> for service::Error {
    fn from(error: Error) -> service::Error {
        if let Error::Store(cause) = error {
            return service::Error::store(cause, 400, "InvalidParameterValueException");
        }
        let (code, query_code) = error.codes();
        let told = service::Error::new(error.status(), code, error.to_string()).with_query_code(query_code);
        match error {
            Error::QueueDoesNotExist => told.with_query_message(NO_QUEUE_FOR_QUERY),
            _ => told,
        }
    }
}
