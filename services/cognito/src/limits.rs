//! What Cognito allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html> and the service's model.

use std::ops::RangeInclusive;
use std::time::Duration;

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3_600);
pub const DAY: Duration = Duration::from_secs(86_400);

pub const NAME_CHARACTERS_MAX: usize = 128;
pub const PASSWORD_CHARACTERS_MAX: usize = 256;
pub const PASSWORD_LENGTH_RANGE: RangeInclusive<i64> = 6..=99;
pub const TEMPORARY_DAYS_RANGE: RangeInclusive<i64> = 0..=365;
pub const ATTRIBUTE_VALUE_CHARACTERS_MAX: usize = 2_048;
pub const CUSTOM_NAME_CHARACTERS_MAX: usize = 20;
pub const CUSTOM_ATTRIBUTES_MAX: usize = 50;
pub const DESCRIPTION_CHARACTERS_MAX: usize = 2_048;
pub const SUBJECT_CHARACTERS_MAX: usize = 140;
pub const MESSAGE_CHARACTERS: RangeInclusive<usize> = 6..=20_000;
pub const URLS_MAX: usize = 100;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
pub const FILTER_CHARACTERS_MAX: usize = 256;
pub const PAGE_RANGE: RangeInclusive<i64> = 1..=60;
pub const PAGE: usize = 60;
pub const SESSION_MINUTES_RANGE: RangeInclusive<i64> = 3..=15;
pub const SESSION_MINUTES: i64 = 3;
/// How long tokens may be good for.
pub const ACCESS_VALIDITY: RangeInclusive<Duration> = Duration::from_secs(300)..=DAY;
pub const REFRESH_VALIDITY: RangeInclusive<Duration> = HOUR..=Duration::from_secs(3_650 * 86_400);
pub const ACCESS_VALIDITY_DEFAULT: Duration = HOUR;
pub const REFRESH_VALIDITY_DEFAULT: Duration = Duration::from_secs(30 * 86_400);
pub const GROUPS_OF_USER_MAX: usize = 100;

/// How long codes are good for: one that confirms an address, and one that resets a password.
pub const CONFIRMATION_CODE_LIFETIME: Duration = DAY;
pub const RESET_CODE_LIFETIME: Duration = HOUR;
/// How often a code is asked for, within an hour, and how often it may be wrong.
pub const CODES_PER_HOUR: u32 = 5;
pub const CODE_ATTEMPTS_MAX: u32 = 5;
/// How often a code to sign in with may be wrong in all sign-ins together; each has [`CODE_ATTEMPTS_MAX`].
pub const SIGN_IN_CODE_ATTEMPTS_MAX: u32 = 25;
/// Wrong passwords and codes without consequences; each further one locks the user out, twice as long as the last did.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html#authentication-flow-lockout-behavior>
pub const FAILURES_FREE: u32 = 5;
pub const LOCK_OUT_MAX: Duration = Duration::from_secs(15 * 60);

/// How long a function may take, and how often it is asked.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html>
pub const TRIGGER_TIME: Duration = Duration::from_secs(5);
pub const TRIGGER_ATTEMPTS: u32 = 3;
/// Rounds of challenges that a custom flow may have.
pub const CHALLENGES_MAX: usize = 30;

/// How long a key signs tokens before another one does.
pub const SIGNING_KEY_LIFETIME: Duration = Duration::from_secs(90 * 86_400);
/// Passwords that are hashed at once: each takes [`auth::password::MEMORY_KIB`] while it is.
pub const HASHES_AT_ONCE: usize = 4;
/// Pairs of tokens that are signed at once.
pub const SIGNATURES_AT_ONCE: usize = 4;
/// How long a mail is tried.
pub const MAIL_TIME: Duration = HOUR;
pub const MAIL_PAUSE: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(300);

/// Source: the resource servers and scopes of <https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html>.
pub const RESOURCE_SERVERS_MAX: usize = 25;
pub const SCOPES_PER_SERVER_MAX: usize = 100;
pub const SCOPES_OF_CLIENT_MAX: usize = 50;
pub const SCOPE_CHARACTERS_MAX: usize = 256;
pub const URL_CHARACTERS_MAX: usize = 1_024;
pub const DOMAIN_CHARACTERS_MAX: usize = 63;
pub const CSS_BYTES_MAX: usize = 131_072;
pub const PROVIDERS_MAX: usize = 300;
pub const PROVIDER_NAME_CHARACTERS_MAX: usize = 32;
pub const PROVIDER_IDENTIFIERS_MAX: usize = 50;
pub const PROVIDER_IDENTIFIER_CHARACTERS_MAX: usize = 40;
/// Accounts elsewhere that one user may have.
pub const LINKS_OF_USER_MAX: usize = 5;
/// How long another provider may take to answer, and how much it may say.
pub const PROVIDER_TIME: Duration = Duration::from_secs(5);
pub const PROVIDER_ANSWER_BYTES_MAX: usize = 150_000;
/// How long somebody may take to sign in elsewhere.
pub const FEDERATION_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long an authorization code is good for.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html>
pub const AUTHORIZATION_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How long who has signed in on a page is not asked again.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-managed-login.html>
pub const PAGE_SESSION_LIFETIME: Duration = HOUR;
/// How long what an authorization request hands over to be handed back may be: together with the rest it goes into an address.
pub const STATE_CHARACTERS_MAX: usize = 4_096;

/// Devices of a user: beyond that, the one that was not used for the longest is forgotten.
pub const DEVICES_OF_USER_MAX: usize = 100;
pub const DEVICE_NAME_CHARACTERS_MAX: usize = 1_024;
pub const DEVICE_SALT_BYTES_MAX: usize = 64;
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html>
pub const PASSKEYS_OF_USER_MAX: usize = 20;
pub const PASSKEYS_PAGE_RANGE: RangeInclusive<i64> = 1..=20;
/// How long somebody may take to make a passkey, or to sign with one, as browsers are told.
pub const PASSKEY_TIME: Duration = Duration::from_secs(3 * 60);
pub const RELYING_PARTY_CHARACTERS_MAX: usize = 127;
/// How long a code is good for that somebody signs in with: as long as a session may last. The last one of an hour is good until there may
/// be another.
pub const SIGN_IN_CODE_LIFETIME: Duration = Duration::from_secs(15 * 60);
