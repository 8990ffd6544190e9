//! Everything that Cognito refuses, and how it says so. No text has anything of a password, a code or a token in it.
//!
//! Source: the errors of each operation in
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/>.

service::refusals! {
    constraints "InvalidParameterException";
    NotFound(String) "ResourceNotFoundException" "{0}",
    UserNotFound "UserNotFoundException" "User does not exist.",
    NotAuthorized(String) "NotAuthorizedException" "{0}",
    InvalidParameter(String) "InvalidParameterException" "{0}",
    UsernameExists(&'static str) "UsernameExistsException" "{0}",
    AliasExists(String) "AliasExistsException" "{0}",
    InvalidPassword(String) "InvalidPasswordException" "Password did not conform with policy: {0}",
    CodeMismatch "CodeMismatchException" "Invalid verification code provided, please try again.",
    ExpiredCode "ExpiredCodeException" "Invalid code provided, please request a code again.",
    LimitExceeded "LimitExceededException" "Attempt limit exceeded, please try after some time.",
    TooMany(String) "LimitExceededException" "{0}",
    UserNotConfirmed "UserNotConfirmedException" "User is not confirmed.",
    PasswordResetRequired "PasswordResetRequiredException" "Password reset required for the user",
    GroupExists "GroupExistsException" "A group with the name already exists.",
    UserLambdaValidation(String) "UserLambdaValidationException" "{0}",
    UnexpectedLambda(String) "UnexpectedLambdaException" "{0}",
    InvalidLambdaResponse(String) "InvalidLambdaResponseException" "{0}",
    MfaMethodNotFound(String) "MFAMethodNotFoundException" "{0}",
    EnableSoftwareTokenMfa "EnableSoftwareTokenMFAException" "Code mismatch",
    SoftwareTokenMfaNotFound(String) "SoftwareTokenMFANotFoundException" "{0}",
    UnsupportedUserState(String) "UnsupportedUserStateException" "{0}",
    UnsupportedTokenType(String) "UnsupportedTokenTypeException" "{0}",
    InvalidOAuthFlow(&'static str) "InvalidOAuthFlowException" "{0}",
    ScopeDoesNotExist(String) "ScopeDoesNotExistException" "{0}",
    DuplicateProvider(String) "DuplicateProviderException" "{0}",
    NoDevices "InvalidUserPoolConfigurationException"
        "The user pool does not remember devices: it has no DeviceConfiguration.",
    DeviceKeyExists "DeviceKeyExistsException" "The device is confirmed already.",
    WebAuthnNotEnabled "WebAuthnNotEnabledException"
        "Passkeys are not enabled for the user pool: WEB_AUTHN is not one of AllowedFirstAuthFactors.",
    WebAuthnConfigurationMissing "WebAuthnConfigurationMissingException"
        "The user pool has no relying party: neither a RelyingPartyId nor a domain with a name.",
    WebAuthnChallengeNotFound "WebAuthnChallengeNotFoundException"
        "The challenge of the passkey is not known, was used, or has expired: start the registration again.",
    WebAuthnClientMismatch "WebAuthnClientMismatchException" "The registration was started with another app client.",
    WebAuthnRelyingPartyMismatch "WebAuthnRelyingPartyMismatchException"
        "The passkey was made for another relying party.",
    WebAuthnOriginNotAllowed "WebAuthnOriginNotAllowedException"
        "The passkey was made on a page that is not of the relying party.",
    WebAuthnCredentialNotSupported "WebAuthnCredentialNotSupportedException"
        "The passkey has a kind of key that is not supported: ES256, EdDSA and RS256 are.",
}

impl Error {
    /// What is told whether or not there is such a user.
    pub fn wrong_password() -> Error {
        Error::not_authorized("Incorrect username or password.")
    }
}
