//! `AWS::Cognito::UserPool`, `AWS::Cognito::UserPoolClient`, `AWS::Cognito::UserPoolGroup`, `AWS::Cognito::UserPoolUser` and
//! `AWS::Cognito::UserPoolUserToGroupAttachment`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::shape::{Property, Shape, TEXTS, fixed, property};
use super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, only, or_delete, text, text_of, without};
use crate::state::Deployed;

const SERVICE: &str = "cognito-idp";

pub struct UserPool;

const POLICIES: Shape = Shape::Struct(&[
    (
        "PasswordPolicy",
        Shape::Struct(&[
            ("MinimumLength", Shape::Integer),
            ("PasswordHistorySize", Shape::Integer),
            ("RequireLowercase", Shape::Boolean),
            ("RequireNumbers", Shape::Boolean),
            ("RequireSymbols", Shape::Boolean),
            ("RequireUppercase", Shape::Boolean),
            ("TemporaryPasswordValidityDays", Shape::Integer),
        ]),
    ),
    ("SignInPolicy", Shape::Struct(&[("AllowedFirstAuthFactors", TEXTS)])),
]);
const SCHEMA: Shape = Shape::List(&Shape::Struct(&[
    ("AttributeDataType", Shape::Text),
    ("DeveloperOnlyAttribute", Shape::Boolean),
    ("Mutable", Shape::Boolean),
    ("Name", Shape::Text),
    ("NumberAttributeConstraints", Shape::Struct(&[("MaxValue", Shape::Text), ("MinValue", Shape::Text)])),
    ("Required", Shape::Boolean),
    ("StringAttributeConstraints", Shape::Struct(&[("MaxLength", Shape::Text), ("MinLength", Shape::Text)])),
]));
const LAMBDA_CONFIG: Shape = Shape::Struct(&[
    ("CreateAuthChallenge", Shape::Text),
    ("CustomMessage", Shape::Text),
    ("DefineAuthChallenge", Shape::Text),
    ("PostAuthentication", Shape::Text),
    ("PostConfirmation", Shape::Text),
    ("PreAuthentication", Shape::Text),
    ("PreSignUp", Shape::Text),
    ("PreTokenGeneration", Shape::Text),
    ("PreTokenGenerationConfig", Shape::Struct(&[("LambdaArn", Shape::Text), ("LambdaVersion", Shape::Text)])),
    ("UserMigration", Shape::Text),
    ("VerifyAuthChallengeResponse", Shape::Text),
]);
const ADMIN_CREATE_USER_CONFIG: Shape = Shape::Struct(&[
    ("AllowAdminCreateUserOnly", Shape::Boolean),
    (
        "InviteMessageTemplate",
        Shape::Struct(&[("EmailMessage", Shape::Text), ("EmailSubject", Shape::Text), ("SMSMessage", Shape::Text)]),
    ),
    ("UnusedAccountValidityDays", Shape::Integer),
]);
const EMAIL_CONFIGURATION: Shape = Shape::Struct(&[
    ("ConfigurationSet", Shape::Text),
    ("EmailSendingAccount", Shape::Text),
    ("From", Shape::Text),
    ("ReplyToEmailAddress", Shape::Text),
    ("SourceArn", Shape::Text),
]);
const VERIFICATION: Shape = Shape::Struct(&[
    ("DefaultEmailOption", Shape::Text),
    ("EmailMessage", Shape::Text),
    ("EmailMessageByLink", Shape::Text),
    ("EmailSubject", Shape::Text),
    ("EmailSubjectByLink", Shape::Text),
    ("SmsMessage", Shape::Text),
]);
const RECOVERY: Shape = Shape::Struct(&[(
    "RecoveryMechanisms",
    Shape::List(&Shape::Struct(&[("Name", Shape::Text), ("Priority", Shape::Integer)])),
)]);

const DEVICES: Shape = Shape::Struct(&[
    ("ChallengeRequiredOnNewDevice", Shape::Boolean),
    ("DeviceOnlyRememberedOnUserPrompt", Shape::Boolean),
]);
/// What templates say of passkeys, and the member of `WebAuthnConfiguration` that it is.
const PASSKEYS: [(&str, &str); 3] = [
    ("WebAuthnFactorConfiguration", "FactorConfiguration"),
    ("WebAuthnRelyingPartyID", "RelyingPartyId"),
    ("WebAuthnUserVerification", "UserVerification"),
];

/// What another operation sets, or only the first does.
const NOT_UPDATED: [&str; 11] = [
    "AliasAttributes",
    "EmailAuthenticationMessage",
    "EmailAuthenticationSubject",
    "EnabledMfas",
    "Schema",
    "UsernameAttributes",
    "UsernameConfiguration",
    "UserPoolName",
    "WebAuthnFactorConfiguration",
    "WebAuthnRelyingPartyID",
    "WebAuthnUserVerification",
];

#[async_trait]
impl Resource for UserPool {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPool"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property("AccountRecoverySetting", RECOVERY),
                property("AdminCreateUserConfig", ADMIN_CREATE_USER_CONFIG),
                fixed("AliasAttributes", TEXTS),
                property("AutoVerifiedAttributes", TEXTS),
                property("DeletionProtection", Shape::Text),
                property("DeviceConfiguration", DEVICES),
                property("EmailAuthenticationMessage", Shape::Text),
                property("EmailAuthenticationSubject", Shape::Text),
                property("EmailConfiguration", EMAIL_CONFIGURATION),
                property("EmailVerificationMessage", Shape::Text),
                property("EmailVerificationSubject", Shape::Text),
                property("EnabledMfas", TEXTS),
                property("LambdaConfig", LAMBDA_CONFIG),
                property("MfaConfiguration", Shape::Text),
                property("Policies", POLICIES),
                property("Schema", SCHEMA),
                property(
                    "UserAttributeUpdateSettings",
                    Shape::Struct(&[("AttributesRequireVerificationBeforeUpdate", TEXTS)]),
                ),
                property("UserPoolAddOns", Shape::Struct(&[("AdvancedSecurityMode", Shape::Text)])),
                property("UserPoolName", Shape::Text),
                property("UserPoolTags", Shape::TextMap),
                property("UserPoolTier", Shape::Text),
                fixed("UsernameAttributes", TEXTS),
                fixed("UsernameConfiguration", Shape::Struct(&[("CaseSensitive", Shape::Boolean)])),
                property("VerificationMessageTemplate", VERIFICATION),
                property("WebAuthnFactorConfiguration", Shape::Text),
                property("WebAuthnRelyingPartyID", Shape::Text),
                property("WebAuthnUserVerification", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "ProviderName", "ProviderURL", "UserPoolId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = settings(wanted);
        for (name, value) in only(wanted, &["AliasAttributes", "Schema", "UsernameAttributes", "UsernameConfiguration"])
            .as_object()
            .into_iter()
            .flatten()
        {
            input[name] = value.clone();
        }
        input["PoolName"] = json!(cx.name_or_generated(wanted, "UserPoolName", 128));
        let made = cx.call(SERVICE, "CreateUserPool", input).await?;
        let id = text(&made["UserPool"], "Id")?;
        let factors = set_factors(cx, id, &Properties::new(), wanted).await;
        or_delete(factors, cx.call(SERVICE, "DeleteUserPool", json!({"UserPoolId": id}))).await?;
        made_of(cx, &made["UserPool"])
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let (id, before) = (&old.physical_id, &old.properties);
        let added = added_attributes(before, wanted)?;
        let mut input = settings(wanted);
        input["UserPoolId"] = json!(id);
        if let Some(name) = wanted.get("UserPoolName") {
            input["PoolName"] = name.clone();
        }
        cx.call(SERVICE, "UpdateUserPool", input).await?;
        if !added.is_empty() {
            let input = json!({"UserPoolId": id, "CustomAttributes": added});
            cx.call(SERVICE, "AddCustomAttributes", input).await?;
        }
        set_factors(cx, id, before, wanted).await?;
        let described = cx.call(SERVICE, "DescribeUserPool", json!({"UserPoolId": id})).await?;
        made_of(cx, &described["UserPool"])
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(SERVICE, "DeleteUserPool", json!({"UserPoolId": old.physical_id})).await)
    }
}

/// What CreateUserPool and UpdateUserPool take alike. Factors are on once they are configured.
fn settings(wanted: &Properties) -> Value {
    let mut input = without(wanted, &NOT_UPDATED);
    if let Some(members) = input.as_object_mut() {
        members.remove("MfaConfiguration");
        members.entry("UserPoolTags").or_insert_with(|| json!({}));
    }
    input
}

fn made_of(cx: &Cx<'_>, pool: &Value) -> Result<Made> {
    let (id, issuer) = (text(pool, "Id")?, text(pool, "Issuer")?);
    let provider = format!("cognito-idp.{}.amazonaws.com/{id}", cx.cloud.region());
    let attributes = [
        ("Arn", json!(text(pool, "Arn")?)),
        ("ProviderName", json!(provider)),
        ("ProviderURL", json!(issuer)),
        ("UserPoolId", json!(id)),
    ];
    Ok(Made::new(id, attributes))
}

/// The attributes that a pool gets beside those that it has: none can be changed or go.
fn added_attributes(before: &Properties, wanted: &Properties) -> Result<Vec<Value>> {
    let list =
        |properties: &Properties| properties.get("Schema").and_then(Value::as_array).cloned().unwrap_or_default();
    let (old, new) = (list(before), list(wanted));
    match old.iter().find(|attribute| !new.contains(attribute)) {
        Some(attribute) => Err(ResourceError::Unfit(format!(
            "the attribute `{}` of a user pool can neither change nor go",
            attribute["Name"].as_str().unwrap_or_default()
        ))),
        None => Ok(new.into_iter().filter(|attribute| !old.contains(attribute)).collect()),
    }
}

/// Turns second factors on and off, and says how passkeys are. UpdateUserPool turns factors off, so it is done each time where there are
/// any.
async fn set_factors(cx: &Cx<'_>, id: &str, before: &Properties, wanted: &Properties) -> Result<()> {
    let configuration = |properties: &Properties| properties.get("MfaConfiguration").cloned();
    let passkeys = |properties: &Properties| {
        let set = PASSKEYS.iter().filter_map(|(from, name)| Some(((*name).to_owned(), properties.get(*from)?.clone())));
        set.collect::<Map<String, Value>>()
    };
    let has_any = |properties: &Properties| configuration(properties).is_some() || !passkeys(properties).is_empty();
    if !has_any(before) && !has_any(wanted) {
        return Ok(());
    }
    let enabled = wanted.get("EnabledMfas").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut input = json!({
        "UserPoolId": id, "MfaConfiguration": configuration(wanted).unwrap_or_else(|| json!("OFF")),
    });
    if !passkeys(before).is_empty() || !passkeys(wanted).is_empty() {
        input["WebAuthnConfiguration"] = Value::Object(passkeys(wanted));
    }
    for factor in enabled.iter().filter_map(Value::as_str) {
        match factor {
            "SOFTWARE_TOKEN_MFA" => input["SoftwareTokenMfaConfiguration"] = json!({"Enabled": true}),
            "EMAIL_OTP" => {
                let named = [("Message", "EmailAuthenticationMessage"), ("Subject", "EmailAuthenticationSubject")];
                let set =
                    named.iter().filter_map(|(name, from)| Some(((*name).to_owned(), wanted.get(*from)?.clone())));
                input["EmailMfaConfiguration"] = Value::Object(set.collect::<Map<_, _>>());
            }
            other => return Err(ResourceError::Unfit(format!("the second factor {other} is not supported"))),
        }
    }
    cx.call(SERVICE, "SetUserPoolMfaConfig", input).await.map(drop)
}

pub struct UserPoolClient;

#[async_trait]
impl Resource for UserPoolClient {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolClient"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property("AccessTokenValidity", Shape::Integer),
                property("AllowedOAuthFlows", TEXTS),
                property("AllowedOAuthFlowsUserPoolClient", Shape::Boolean),
                property("AllowedOAuthScopes", TEXTS),
                property("AuthSessionValidity", Shape::Integer),
                property("CallbackURLs", TEXTS),
                property("ClientName", Shape::Text),
                property("DefaultRedirectURI", Shape::Text),
                property("EnablePropagateAdditionalUserContextData", Shape::Boolean),
                property("EnableTokenRevocation", Shape::Boolean),
                property("ExplicitAuthFlows", TEXTS),
                fixed("GenerateSecret", Shape::Boolean),
                property("IdTokenValidity", Shape::Integer),
                property("LogoutURLs", TEXTS),
                property("PreventUserExistenceErrors", Shape::Text),
                property("ReadAttributes", TEXTS),
                property("RefreshTokenValidity", Shape::Integer),
                property("SupportedIdentityProviders", TEXTS),
                property(
                    "TokenValidityUnits",
                    Shape::Struct(&[
                        ("AccessToken", Shape::Text),
                        ("IdToken", Shape::Text),
                        ("RefreshToken", Shape::Text),
                    ]),
                ),
                fixed("UserPoolId", Shape::Text).required(),
                property("WriteAttributes", TEXTS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["ClientId", "ClientSecret", "Name"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        input["ClientName"] = json!(cx.name_or_generated(wanted, "ClientName", 128));
        client_of(&cx.call(SERVICE, "CreateUserPoolClient", input).await?)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &["GenerateSecret"]);
        input["ClientId"] = json!(old.physical_id);
        client_of(&cx.call(SERVICE, "UpdateUserPoolClient", input).await?)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let mut input = only(&old.properties, &["UserPoolId"]);
        input["ClientId"] = json!(old.physical_id);
        deleted(cx.call(SERVICE, "DeleteUserPoolClient", input).await)
    }
}

fn client_of(answer: &Value) -> Result<Made> {
    let client = &answer["UserPoolClient"];
    let id = text(client, "ClientId")?;
    let mut made = Made::new(id, [("ClientId", json!(id)), ("Name", client["ClientName"].clone())]);
    if let Some(secret) = client.get("ClientSecret") {
        made.attributes.insert("ClientSecret".into(), secret.clone());
    }
    Ok(made)
}

pub struct UserPoolGroup;

#[async_trait]
impl Resource for UserPoolGroup {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolGroup"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property("Description", Shape::Text),
                fixed("GroupName", Shape::Text),
                property("Precedence", Shape::Integer),
                property("RoleArn", Shape::Text),
                fixed("UserPoolId", Shape::Text).required(),
            ]
        }
    }

    fn name(&self) -> Option<&'static str> {
        Some("GroupName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        let name = cx.name_or_generated(wanted, "GroupName", 128);
        input["GroupName"] = json!(name);
        cx.call(SERVICE, "CreateGroup", input).await?;
        Ok(Made::new(name, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        input["GroupName"] = json!(old.physical_id);
        cx.call(SERVICE, "UpdateGroup", input).await?;
        Ok(Made::new(&old.physical_id, []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let mut input = only(&old.properties, &["UserPoolId"]);
        input["GroupName"] = json!(old.physical_id);
        deleted(cx.call(SERVICE, "DeleteGroup", input).await)
    }
}

pub struct UserPoolUser;

#[async_trait]
impl Resource for UserPoolUser {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolUser"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ClientMetadata", Shape::TextMap),
                fixed("DesiredDeliveryMediums", TEXTS),
                fixed("ForceAliasCreation", Shape::Boolean),
                fixed("MessageAction", Shape::Text),
                fixed("UserAttributes", Shape::List(&Shape::Struct(&[("Name", Shape::Text), ("Value", Shape::Text)]))),
                fixed("UserPoolId", Shape::Text).required(),
                fixed("Username", Shape::Text),
                fixed("ValidationData", Shape::List(&Shape::Struct(&[("Name", Shape::Text), ("Value", Shape::Text)]))),
            ]
        }
    }

    fn name(&self) -> Option<&'static str> {
        Some("Username")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &[]);
        input["Username"] = json!(cx.name_or_generated(wanted, "Username", 128));
        let made = cx.call(SERVICE, "AdminCreateUser", input).await?;
        Ok(Made::new(text(&made["User"], "Username")?, []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let mut input = only(&old.properties, &["UserPoolId"]);
        input["Username"] = json!(old.physical_id);
        deleted(cx.call(SERVICE, "AdminDeleteUser", input).await)
    }
}

pub struct UserPoolUserToGroupAttachment;

#[async_trait]
impl Resource for UserPoolUserToGroupAttachment {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolUserToGroupAttachment"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("GroupName", Shape::Text).required(),
                fixed("UserPoolId", Shape::Text).required(),
                fixed("Username", Shape::Text).required(),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        cx.call(SERVICE, "AdminAddUserToGroup", without(wanted, &[])).await?;
        let (group, user) = (text_of(wanted, "GroupName")?, text_of(wanted, "Username")?);
        Ok(Made::new(format!("{}|{group}|{user}", text_of(wanted, "UserPoolId")?), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = only(&old.properties, &["GroupName", "UserPoolId", "Username"]);
        deleted(cx.call(SERVICE, "AdminRemoveUserFromGroup", input).await)
    }
}
