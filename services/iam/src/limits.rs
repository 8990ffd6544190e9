//! What IAM and STS allow, with units.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>

use std::ops::RangeInclusive;
use std::time::Duration;

/// The name of a user or role, in characters.
pub const NAME_CHARACTERS_MAX: usize = 64;
pub const GROUP_NAME_CHARACTERS_MAX: usize = 128;
pub const POLICY_NAME_CHARACTERS_MAX: usize = 128;
pub const PATH_CHARACTERS_MAX: usize = 512;
pub const DESCRIPTION_CHARACTERS_MAX: usize = 1_000;
pub const ACCESS_KEYS_PER_USER_MAX: usize = 2;
/// Managed policies attached to one user, role or group.
pub const ATTACHED_POLICIES_MAX: usize = 10;
/// All inline policies of a user together, in characters that are not white space.
pub const USER_INLINE_CHARACTERS_MAX: usize = 2_048;
/// The same for a role.
pub const ROLE_INLINE_CHARACTERS_MAX: usize = 10_240;
/// The same for a group.
pub const GROUP_INLINE_CHARACTERS_MAX: usize = 5_120;
/// Groups that one user is in.
pub const GROUPS_PER_USER_MAX: usize = 10;
pub const OPENID_PROVIDERS_MAX: usize = 100;
/// Audiences of one provider, and characters of one.
pub const OPENID_CLIENTS_MAX: usize = 100;
pub const OPENID_CLIENT_CHARACTERS_MAX: usize = 255;
pub const OPENID_THUMBPRINTS_MAX: usize = 5;
pub const THUMBPRINT_CHARACTERS: usize = 40;
pub const OPENID_URL_CHARACTERS_MAX: usize = 255;
/// The same for a token of a provider.
pub const WEB_IDENTITY_TOKEN_CHARACTERS_MAX: usize = 20_000;
pub const ACCOUNT_ALIAS_CHARACTERS_RANGE: RangeInclusive<usize> = 3..=63;
pub const MANAGED_POLICY_CHARACTERS_MAX: usize = 6_144;
pub const TRUST_POLICY_CHARACTERS_MAX: usize = 2_048;
pub const POLICY_VERSIONS_MAX: usize = 5;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
pub const PAGE_ITEMS_DEFAULT: i64 = 100;
pub const PAGE_ITEMS_RANGE: RangeInclusive<i64> = 1..=1_000;
/// What a role may set as its longest session, in seconds.
pub const MAX_SESSION_SECONDS_RANGE: RangeInclusive<i64> = 3_600..=43_200;
pub const MAX_SESSION_SECONDS_DEFAULT: i64 = 3_600;
pub const ROLE_SESSION_SECONDS_RANGE: RangeInclusive<i64> = 900..=43_200;
pub const ROLE_SESSION_SECONDS_DEFAULT: i64 = 3_600;
/// A session of a role that a session of a role asked for, in seconds.
pub const CHAINED_SESSION_SECONDS_MAX: i64 = 3_600;
pub const USER_SESSION_SECONDS_RANGE: RangeInclusive<i64> = 900..=129_600;
pub const USER_SESSION_SECONDS_DEFAULT: i64 = 43_200;
/// The same for the account itself.
pub const ROOT_SESSION_SECONDS_MAX: i64 = 3_600;
pub const SESSION_NAME_CHARACTERS_RANGE: RangeInclusive<usize> = 2..=64;
pub const SESSION_POLICY_CHARACTERS_MAX: usize = 2_048;
/// Tags of one session, those that it inherits included.
pub const SESSION_TAGS_MAX: usize = 50;
/// Managed policies that narrow one session.
pub const SESSION_POLICY_ARNS_MAX: usize = 10;
/// The session policy, tags and ARNs of policies together, in bytes: they travel with every request.
pub const SESSION_BYTES_MAX: usize = 4_096;
pub const SOURCE_IDENTITY_CHARACTERS_RANGE: RangeInclusive<usize> = 2..=64;
pub const FEDERATED_NAME_CHARACTERS_RANGE: RangeInclusive<usize> = 2..=32;
/// The name of an instance profile, in characters.
pub const PROFILE_NAME_CHARACTERS_MAX: usize = 128;
/// Roles of one instance profile.
pub const ROLES_PER_PROFILE_MAX: usize = 1;
pub const MFA_NAME_CHARACTERS_MAX: usize = 226;
pub const MFA_DEVICES_PER_USER_MAX: usize = 8;
/// Codes of a device that may be wrong within one step of time.
pub const MFA_FAILURES_MAX: u64 = 5;
pub const DAY: Duration = Duration::from_secs(86_400);
/// Of a user's password, in characters.
pub const PASSWORD_CHARACTERS_MAX: usize = 128;
/// What an account without rules of its own wants of a password.
pub const PASSWORD_CHARACTERS_DEFAULT: usize = 8;
/// Of upper case, lower case, numbers and symbols.
pub const PASSWORD_KINDS_DEFAULT: usize = 3;
/// What an account's rules may ask for.
pub const PASSWORD_LENGTH_RANGE: RangeInclusive<i64> = 6..=128;
pub const PASSWORD_AGE_DAYS_RANGE: RangeInclusive<i64> = 1..=1_095;
pub const PASSWORD_REUSE_RANGE: RangeInclusive<i64> = 1..=24;
/// Passwords of a user that are remembered, so that they are not used again.
pub const FORMER_PASSWORDS_MAX: usize = 24;
/// Old passwords that may be wrong within a minute when a user changes theirs.
pub const PASSWORD_FAILURES_MAX: usize = 5;
/// Passwords that are hashed at once: each takes [`auth::password::MEMORY_KIB`] while it is.
pub const HASHES_AT_ONCE: usize = 2;
pub const SIGN_IN_SECONDS_RANGE: RangeInclusive<i64> = 3_600..=7_776_000;
/// Credentials of a user for one service.
pub const CREDENTIALS_PER_SERVICE_MAX: usize = 2;
pub const CREDENTIAL_ID_CHARACTERS_RANGE: RangeInclusive<usize> = 20..=128;
/// How long it is told that a service-linked role was deleted.
pub const ROLE_DELETION_KEPT: Duration = Duration::from_secs(3_600);

/// Users and roles of which is kept what they did: beyond, those that did nothing for longest are forgotten.
pub const USAGE_PRINCIPALS_MAX: usize = 1_024;
/// Actions that are kept of one of them.
pub const USAGE_ACTIONS_MAX: usize = 512;
/// Resources that are kept of one action: beyond, they are put together into patterns.
pub const USAGE_RESOURCES_MAX: usize = 24;
/// What is kept of a resource's ARN.
pub const USAGE_RESOURCE_CHARACTERS_MAX: usize = 512;
/// How soon something new is written down: so much of it may be lost with the process.
pub const USAGE_INTERVAL: Duration = Duration::from_secs(2);
/// How soon it is written down how often, and when last.
pub const USAGE_COUNTS_INTERVAL: Duration = Duration::from_secs(60);
