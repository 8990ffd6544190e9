//! What Cognito stores. Secrets are sealed by the vault, each for its own place.

mod client;
mod device;
mod hosted;
mod pool;
mod user;

pub use client::{Client, ClientSettings, Unit, Validity};
pub use device::{Device, Passkey};
pub use hosted::{Authorization, Customization, Domain, Provider, ProviderKind, ResourceServer, Scope};
pub use pool::{
    AttributeKind, DeviceSettings, Email, Mfa, PasskeySettings, PasswordPolicy, Pool, SchemaAttribute, Settings,
    SigningKey, Template, key_of, region_of,
};
pub use user::{Code, Grant, Group, MfaSettings, Password, Status, User};

#[cfg(test)]
mod tests;
