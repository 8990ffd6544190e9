//! GetRandomPassword.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use crate::SecretsManager;
use crate::error::Error;
use crate::limits;

const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
/// Source: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html>
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PasswordInput {
    pub password_length: Option<i64>,
    pub exclude_characters: Option<String>,
    pub exclude_numbers: Option<bool>,
    pub exclude_punctuation: Option<bool>,
    pub exclude_uppercase: Option<bool>,
    pub exclude_lowercase: Option<bool>,
    pub include_space: Option<bool>,
    pub require_each_included_type: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PasswordOutput {
    pub random_password: String,
}

pub async fn generate(_: Arc<SecretsManager>, cx: Cx, input: PasswordInput) -> Result<PasswordOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.range(input.password_length, "passwordLength", &limits::PASSWORD_RANGE);
    constraints.length(input.exclude_characters.as_deref(), "excludeCharacters", 4_096);
    constraints.check()?;
    let length = input.password_length.and_then(|length| usize::try_from(length).ok()).unwrap_or(limits::PASSWORD);
    let excluded = input.exclude_characters.as_deref().unwrap_or_default();
    let sets = [
        (LOWERCASE, input.exclude_lowercase != Some(true)),
        (UPPERCASE, input.exclude_uppercase != Some(true)),
        (NUMBERS, input.exclude_numbers != Some(true)),
        (PUNCTUATION, input.exclude_punctuation != Some(true)),
        (" ", input.include_space == Some(true)),
    ];
    let left = |set: &str| set.bytes().filter(|byte| !excluded.contains(char::from(*byte))).collect::<Vec<u8>>();
    let sets: Vec<Vec<u8>> = sets.into_iter().filter(|(_, wanted)| *wanted).map(|(set, _)| left(set)).collect();
    let sets: Vec<Vec<u8>> = sets.into_iter().filter(|set| !set.is_empty()).collect();
    let all = sets.concat();
    if all.is_empty() {
        return Err(Error::InvalidParameter("The request leaves no characters for a password.".into()));
    }
    let each = input.require_each_included_type.unwrap_or(true);
    if each && length < sets.len() {
        return Err(Error::InvalidParameter(format!(
            "A password with each included type has at least {} characters.",
            sets.len()
        )));
    }
    Ok(PasswordOutput { random_password: password(&cx, &sets, &all, length, each) })
}

/// One of each set in the first places where all of them are wanted, then of all, and then shuffled.
fn password(cx: &Cx, sets: &[Vec<u8>], all: &[u8], length: usize, each: bool) -> String {
    let env = cx.env();
    let first = if each { sets.iter().map(|set| env.random_text(set, 1)).collect::<String>() } else { String::new() };
    let mut characters: Vec<char> = first.chars().collect();
    characters.extend(env.random_text(all, length.saturating_sub(characters.len())).chars());
    // Fisher and Yates; the bias of a remainder of 64 bits is of no account.
    for last in (1..characters.len()).rev() {
        let other = usize::try_from(env.random_u64() % (last as u64 + 1)).unwrap_or(last);
        characters.swap(last, other);
    }
    characters.into_iter().collect()
}
