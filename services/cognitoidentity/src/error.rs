//! Everything that identity pools refuse, and how they say so. No text has anything of a token in it.
//!
//! Source: the errors of each operation in <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/>.

service::refusals! {
    constraints "ValidationException";
    NotFound(String) "ResourceNotFoundException" "{0}",
    NotAuthorized(String) "NotAuthorizedException" "{0}",
    InvalidParameter(String) "InvalidParameterException" "{0}",
    Conflict(String) "ResourceConflictException" "{0}",
    TooMany(String) "LimitExceededException" "{0}",
    AlreadyRegistered(String) "DeveloperUserAlreadyRegisteredException" "{0}",
    Configuration "InvalidIdentityPoolConfigurationException"
        "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
}
