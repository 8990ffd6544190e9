//! What a service refuses, as a table: one row an error.

/// The enum `Error` of a service whose codes are AWS's and whose every refusal has the status 400: what it can be refused for, and what
/// every such service has beside that.
///
/// ```ignore
/// service::refusals! {
///     constraints "InvalidParameterException";
///     NotFound(String) "ResourceNotFoundException" "{0}",
///     GroupExists "GroupExistsException" "A group with the name already exists.",
/// }
/// ```
///
/// The first row has AWS's code for members that break their constraints. Every other names the variant with what it holds, AWS's code,
/// and the text for the caller in thiserror's format. `InvalidParameter(String)` and `NotAuthorized(String)` have to be among them.
#[macro_export]
macro_rules! refusals {
    (constraints $constraints:literal; $($(#[$note:meta])* $variant:ident $(($($held:ty),+))? $code:literal $text:tt,)+) => {
        #[derive(Debug, thiserror::Error)]
        pub enum Error {
            $($(#[$note])* #[error($text)] $variant $(($($held),+))?,)+
            #[error(transparent)]
            Constraints(#[from] $crate::Violations),
            /// What AWS has and this server does not, by its name.
            #[error("{0}")]
            NotImplemented(String),
            #[error(transparent)]
            Vault(#[from] vault::Error),
            #[error(transparent)]
            Store(#[from] kv::Error),
            #[error(transparent)]
            Other(#[from] $crate::Error),
        }

        impl Error {
            pub fn parameter(text: impl Into<String>) -> Error {
                Error::InvalidParameter(text.into())
            }

            pub fn not_authorized(text: impl Into<String>) -> Error {
                Error::NotAuthorized(text.into())
            }

            /// A failure of ours, which the log has.
            pub fn internal(cause: impl std::fmt::Display) -> Error {
                Error::Other($crate::Error::internal(cause))
            }
        }

        impl From<Error> for $crate::Error {
            fn from(error: Error) -> $crate::Error {
                let code = match error {
                    Error::Store(cause) => return $crate::Error::store(cause, 400, "InvalidParameterException"),
                    Error::Vault(cause) => return $crate::Error::internal(cause),
                    Error::Other(error) => return error,
                    Error::NotImplemented(what) => return $crate::Error::not_implemented(what),
                    Error::Constraints(_) => $constraints,
                    $(Error::$variant { .. } => $code,)+
                };
                $crate::Error::new(400, code, error.to_string())
            }
        }
    };
}
