//! SignUp, ConfirmSignUp, ResendConfirmationCode.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::Cx;

use super::{Empty, Metadata, check_name, check_password_form, check_secret_hash, find_client};
use crate::Cognito;
use crate::crypto::password;
use crate::error::Error;
use crate::messages::{self, CodeDeliveryDetails, Letter, Occasion};
use crate::model::code::{self, Fresh, Purpose};
use crate::model::user::{self as users, Conflict, EMAIL, EMAIL_VERIFIED, PHONE_NUMBER, PHONE_NUMBER_VERIFIED};
use crate::schema::{self, Attribute, Author};
use crate::sign_in::factors::new_code;
use crate::sign_in::{Goal, SignIn};
use crate::triggers::{self, Event};
use crate::types::{Client, MfaSettings, Pool, Status, User};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SignUpInput {
    pub client_id: String,
    pub secret_hash: Option<String>,
    pub username: String,
    pub password: Option<String>,
    pub user_attributes: Vec<Attribute>,
    pub validation_data: Vec<Attribute>,
    pub client_metadata: Metadata,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SignUpOutput {
    pub user_confirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_delivery_details: Option<CodeDeliveryDetails>,
    pub user_sub: String,
}

/// A user with this name, without a password, who is not kept yet.
///
/// # Errors
/// When the name is not of the form that the pool asks for.
pub fn new_user(cx: &Cx, pool: &Pool, name: &str, mut attributes: BTreeMap<String, String>) -> Result<User, Error> {
    let sub = cx.env().uuid();
    let is_email = mail::check_address(name).is_ok();
    let takes = |attribute: &str| pool.username_attributes.iter().any(|own| own == attribute);
    let has_alias = |attribute: &str| pool.alias_attributes.iter().any(|alias| alias == attribute);
    let name = match (pool.username_attributes.is_empty(), is_email, schema::is_phone_number(name)) {
        (true, true, _) if has_alias(EMAIL) => {
            let told = "Username cannot be of email format, since user pool is configured for email alias.";
            return Err(Error::parameter(told));
        }
        (true, ..) => name.to_owned(),
        (false, true, _) if takes(EMAIL) => {
            attributes.entry(EMAIL.into()).or_insert_with(|| name.to_owned());
            sub.clone()
        }
        (false, _, true) if takes(PHONE_NUMBER) => {
            attributes.entry(PHONE_NUMBER.into()).or_insert_with(|| name.to_owned());
            sub.clone()
        }
        (false, ..) if takes(EMAIL) => return Err(Error::parameter("Username should be an email.")),
        (false, ..) => return Err(Error::parameter("Username should be a phone number.")),
    };
    attributes.retain(|_, value| !value.is_empty());
    Ok(User {
        pool: pool.id.clone(),
        key: users::fold(pool, &name),
        name,
        sub,
        created: cx.now(),
        modified: cx.now(),
        status: Status::Unconfirmed,
        enabled: true,
        attributes,
        password: None,
        temporary_until: None,
        codes: BTreeMap::new(),
        failures: 0,
        locked_until: None,
        mfa: MfaSettings::default(),
        signed_out: None,
    })
}

/// A code, and the mail that brings it. Neither is kept yet.
#[derive(Clone)]
pub struct Written {
    pub code: Fresh,
    pub letter: Letter,
}

/// Makes a new code for `purpose`, and writes the mail that brings it. Whoever may have no more is refused before a function is asked
/// for words; that counts only once the code is kept.
#[allow(clippy::too_many_arguments, reason = "the parts of one code")]
pub async fn write_code(
    cognito: &Cognito,
    cx: &Cx,
    pool: &Pool,
    client: Option<&str>,
    user: &User,
    address: &str,
    purpose: &Purpose,
    pending: Option<String>,
    occasion: Occasion,
    metadata: &Metadata,
) -> Result<Written, Error> {
    code::check_may_send(user, purpose, cx.now())?;
    let code = new_code(cx.env());
    let sealed = cognito.vault.seal(&purpose.place(&pool.id, &user.sub), code.as_bytes())?;
    let letter = messages::write(cognito, cx, pool, client, user, address, occasion, &code, metadata).await?;
    Ok(Written { code: Fresh { purpose: purpose.clone(), sealed, to: address.to_owned(), pending }, letter })
}

pub async fn sign_up(cognito: Arc<Cognito>, cx: Cx, input: SignUpInput) -> Result<SignUpOutput, Error> {
    check_name(&input.username, "username")?;
    let (pool, client) = find_client(&cx, &input.client_id)?;
    check_secret_hash(&cognito, &client, &input.username, input.secret_hash.as_deref())?;
    if pool.settings.admin_creates_only {
        return Err(Error::not_authorized("SignUp is not permitted for this user pool"));
    }
    let text = input.password.clone().unwrap_or_default();
    check_password_form(&text, "password")?;
    password::check_policy(&pool.settings.password, &text)?;
    let attributes = schema::read(&pool, &input.user_attributes, Author::User(&client))?;
    let mut user = new_user(&cx, &pool, &input.username, attributes)?;
    schema::check_required(&pool, &user.attributes)?;
    if users::find(&cx.db().read()?, &pool, &input.username)?.is_some() {
        return Err(Error::UsernameExists("User already exists"));
    }
    pre_sign_up(
        &cx,
        &pool,
        Some(&client),
        &mut user,
        "PreSignUp_SignUp",
        &input.validation_data,
        &input.client_metadata,
    )
    .await?;
    let metadata = input.client_metadata;
    let sign_in = SignIn { cognito, cx, pool, client, metadata, goal: Goal::Tokens, device: None };
    user.password = Some(sign_in.make_password(&user, &text).await?);
    keep(&sign_in, user).await
}

/// Keeps a new user, who is confirmed or gets a code.
async fn keep(sign_in: &SignIn, mut user: User) -> Result<SignUpOutput, Error> {
    let SignIn { cognito, cx, pool, client, metadata, .. } = sign_in;
    let is_confirmed = user.status == Status::Confirmed;
    let address = user.attributes.get(EMAIL).cloned().filter(|_| verifies_email(pool) && !is_confirmed);
    let mut letter = None;
    if let Some(address) = &address {
        let (purpose, occasion, client) = (Purpose::SignUp, Occasion::SignUp, Some(client.id.as_str()));
        let written = write_code(cognito, cx, pool, client, &user, address, &purpose, None, occasion, metadata).await?;
        code::send(&mut user, &written.code, cx.now())?;
        letter = Some(written.letter);
    }
    let (kept, own, send_cx) = (user.clone(), pool.clone(), cx.clone());
    let put = move |tx: &mut kv::Tx| {
        users::create(tx, &own, &kept, Conflict::Refuse, "User already exists")?;
        letter.as_ref().map_or(Ok(()), |letter| letter.send(tx, &send_cx))
    };
    cx.db().write(put).await?;
    if is_confirmed {
        confirmed(cx, pool, Some(&client.id), &user, "PostConfirmation_ConfirmSignUp", metadata).await?;
    }
    Ok(SignUpOutput {
        user_confirmed: is_confirmed,
        code_delivery_details: address.as_deref().map(CodeDeliveryDetails::email),
        user_sub: user.sub,
    })
}

fn verifies_email(pool: &Pool) -> bool {
    pool.settings.auto_verified.iter().any(|attribute| attribute == EMAIL)
}

/// Lets the pool's function refuse a new user, or confirm it.
pub async fn pre_sign_up(
    cx: &Cx,
    pool: &Pool,
    client: Option<&Client>,
    user: &mut User,
    source: &str,
    validation: &[Attribute],
    metadata: &Metadata,
) -> Result<(), Error> {
    let validation: Metadata = validation.iter().map(|data| (data.name.clone(), data.value.clone())).collect();
    let request = json!({"userAttributes": user.attributes, "validationData": validation, "clientMetadata": metadata});
    let response = json!({"autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false});
    let client = client.map(|client| client.id.as_str());
    let event = Event { pool, client, user: &user.name, source, request, response };
    let Some(answer) = triggers::ask(cx, "PreSignUp", event).await? else { return Ok(()) };
    let is_set = |name: &str| answer.get(name).and_then(Value::as_bool) == Some(true);
    if source == "PreSignUp_SignUp" && is_set("autoConfirmUser") {
        user.status = Status::Confirmed;
    }
    for (flag, attribute, verified) in
        [("autoVerifyEmail", EMAIL, EMAIL_VERIFIED), ("autoVerifyPhone", PHONE_NUMBER, PHONE_NUMBER_VERIFIED)]
    {
        if is_set(flag) && user.attributes.contains_key(attribute) {
            user.attributes.insert(verified.into(), "true".into());
        }
    }
    Ok(())
}

/// Tells the pool's function that somebody is confirmed now.
pub async fn confirmed(
    cx: &Cx,
    pool: &Pool,
    client: Option<&str>,
    user: &User,
    source: &str,
    metadata: &Metadata,
) -> Result<(), Error> {
    let event =
        Event { pool, client, user: &user.name, source, request: triggers::about(user, metadata), response: json!({}) };
    triggers::ask(cx, "PostConfirmation", event).await.map(drop)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfirmInput {
    pub client_id: String,
    pub secret_hash: Option<String>,
    pub username: String,
    pub confirmation_code: String,
    pub force_alias_creation: bool,
    pub client_metadata: Metadata,
}

pub async fn confirm(cognito: Arc<Cognito>, cx: Cx, input: ConfirmInput) -> Result<Empty, Error> {
    check_name(&input.username, "username")?;
    let (pool, client) = find_client(&cx, &input.client_id)?;
    check_secret_hash(&cognito, &client, &input.username, input.secret_hash.as_deref())?;
    let found = users::find(&cx.db().read()?, &pool, &input.username)?;
    let missing = if client.settings.hides_users { Error::ExpiredCode } else { Error::UserNotFound };
    let user = found.ok_or(missing)?;
    if user.status != Status::Unconfirmed {
        return Err(Error::not_authorized(format!(
            "User cannot be confirmed. Current status is {}",
            user.status.word()
        )));
    }
    let conflict = if input.force_alias_creation { Conflict::Take } else { Conflict::Refuse };
    let (own, now, key, vault) = (pool.clone(), cx.now(), user.key.clone(), cognito.clone());
    let take = move |tx: &mut kv::Tx| {
        let mut user = users::by_key(tx, &own.id, &key)?;
        let place = Purpose::SignUp.place(&own.id, &user.sub);
        let open = |sealed: &[u8]| Ok(vault.vault.open(&place, sealed)?.to_vec());
        let taken = code::take(&mut user, &Purpose::SignUp, &input.confirmation_code, now, open)?;
        if taken.is_ok() {
            (user.status, user.modified) = (Status::Confirmed, now);
            if verifies_email(&own) {
                user.attributes.insert(EMAIL_VERIFIED.into(), "true".into());
            }
        }
        users::put(tx, &own, &user, conflict)?;
        Ok::<_, Error>(taken.map(|_| user))
    };
    let user = cx.db().write(take).await??;
    confirmed(&cx, &pool, Some(&client.id), &user, "PostConfirmation_ConfirmSignUp", &input.client_metadata).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResendInput {
    pub client_id: String,
    pub secret_hash: Option<String>,
    pub username: String,
    pub client_metadata: Metadata,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CodeOutput {
    pub code_delivery_details: CodeDeliveryDetails,
}

/// Where a code would have gone for somebody who does not exist: the same each time.
pub fn pretended(pool: &Pool, name: &str) -> CodeOutput {
    let hash = crate::crypto::mac(&pool.decoy, &[b"address", users::fold(pool, name).as_bytes()]);
    let letter = |byte: u8| char::from(b'a' + byte % 26);
    let address = format!("{}@{}", letter(hash[0]), letter(hash[1]));
    CodeOutput { code_delivery_details: CodeDeliveryDetails::email(&address) }
}

pub async fn resend(cognito: Arc<Cognito>, cx: Cx, input: ResendInput) -> Result<CodeOutput, Error> {
    check_name(&input.username, "username")?;
    let (pool, client) = find_client(&cx, &input.client_id)?;
    check_secret_hash(&cognito, &client, &input.username, input.secret_hash.as_deref())?;
    let Some(user) = users::find(&cx.db().read()?, &pool, &input.username)? else {
        let hidden = client.settings.hides_users;
        return if hidden { Ok(pretended(&pool, &input.username)) } else { Err(Error::UserNotFound) };
    };
    if user.status != Status::Unconfirmed {
        return Err(Error::parameter("User is already confirmed."));
    }
    let address = user.attributes.get(EMAIL).cloned().filter(|_| verifies_email(&pool));
    let address = address.ok_or_else(|| Error::parameter("Auto verification not turned on."))?;
    let (purpose, occasion, id) = (Purpose::SignUp, Occasion::ResendCode, Some(client.id.as_str()));
    let metadata = &input.client_metadata;
    let written = write_code(&cognito, &cx, &pool, id, &user, &address, &purpose, None, occasion, metadata).await?;
    keep_code(&cx, &pool, &user, written).await?;
    Ok(CodeOutput { code_delivery_details: CodeDeliveryDetails::email(&address) })
}

/// Keeps a code for `user`, and sends its mail: neither, where too many were sent.
pub async fn keep_code(cx: &Cx, pool: &Pool, user: &User, written: Written) -> Result<(), Error> {
    let (own, key, send_cx, now) = (pool.clone(), user.key.clone(), cx.clone(), cx.now());
    let put = move |tx: &mut kv::Tx| {
        users::change(tx, &own, &key, |user| code::send(user, &written.code, now))?;
        written.letter.send(tx, &send_cx)
    };
    cx.db().write(put).await
}
