//! Operations of AWS's model that are not here: attributes of users as tags of sessions. Each answers an error that names it.

pub const COGNITO_IDENTITY: &[&str] = &["GetPrincipalTagAttributeMap", "SetPrincipalTagAttributeMap"];
