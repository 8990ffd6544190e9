//! The settings of a pool as requests and answers have them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Constraints;

use crate::error::Error;
use crate::limits;
use crate::sign_in::choice::FACTORS;
use crate::triggers;
use crate::types::{DeviceSettings, Email, Mfa, PasswordPolicy, Settings, Template};

/// What CreateUserPool and UpdateUserPool take alike.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SettingsInput {
    pub policies: Option<Policies>,
    pub deletion_protection: Option<String>,
    pub lambda_config: Option<LambdaConfig>,
    pub auto_verified_attributes: Vec<String>,
    pub sms_verification_message: Option<String>,
    pub email_verification_message: Option<String>,
    pub email_verification_subject: Option<String>,
    pub verification_message_template: Option<VerificationTemplate>,
    pub sms_authentication_message: Option<String>,
    pub user_attribute_update_settings: Option<UpdateSettings>,
    pub mfa_configuration: Option<String>,
    pub device_configuration: Option<DeviceConfiguration>,
    pub email_configuration: Option<EmailConfiguration>,
    pub sms_configuration: Option<Value>,
    pub admin_create_user_config: Option<AdminCreateUserConfig>,
    pub user_pool_add_ons: Option<AddOns>,
    pub account_recovery_setting: Option<Recovery>,
    pub user_pool_tier: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeviceConfiguration {
    pub challenge_required_on_new_device: Option<bool>,
    pub device_only_remembered_on_user_prompt: Option<bool>,
}

impl DeviceConfiguration {
    /// Nothing that is set is as if it were not there.
    fn read(self) -> Option<DeviceSettings> {
        let (challenge, prompt) = (self.challenge_required_on_new_device, self.device_only_remembered_on_user_prompt);
        let is_set = challenge.is_some() || prompt.is_some();
        is_set.then_some(DeviceSettings { challenge_new: challenge == Some(true), on_prompt: prompt == Some(true) })
    }

    pub fn new(settings: DeviceSettings) -> DeviceConfiguration {
        DeviceConfiguration {
            challenge_required_on_new_device: Some(settings.challenge_new),
            device_only_remembered_on_user_prompt: Some(settings.on_prompt),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Policies {
    pub password_policy: Option<PasswordPolicyType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_policy: Option<SignInPolicy>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SignInPolicy {
    pub allowed_first_auth_factors: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PasswordPolicyType {
    pub minimum_length: Option<i64>,
    pub require_uppercase: bool,
    pub require_lowercase: bool,
    pub require_numbers: bool,
    pub require_symbols: bool,
    pub temporary_password_validity_days: Option<i64>,
    #[serde(skip_serializing)]
    pub password_history_size: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LambdaConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_token_generation_config: Option<TokenTrigger>,
    #[serde(flatten)]
    pub functions: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TokenTrigger {
    pub lambda_version: String,
    pub lambda_arn: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VerificationTemplate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_subject: Option<String>,
    #[serde(skip_serializing)]
    pub email_message_by_link: Option<String>,
    #[serde(skip_serializing)]
    pub email_subject_by_link: Option<String>,
    pub default_email_option: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateSettings {
    pub attributes_require_verification_before_update: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EmailConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_email_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_sending_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing)]
    pub configuration_set: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AdminCreateUserConfig {
    pub allow_admin_create_user_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_account_validity_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_message_template: Option<MessageTemplate>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MessageTemplate {
    #[serde(rename = "SMSMessage", skip_serializing)]
    pub sms_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_subject: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddOns {
    pub advanced_security_mode: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Recovery {
    pub recovery_mechanisms: Vec<RecoveryOption>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RecoveryOption {
    pub priority: i64,
    pub name: String,
}

const EMAIL_ACCOUNTS: [&str; 2] = ["COGNITO_DEFAULT", "DEVELOPER"];
const RECOVERY: [&str; 3] = ["verified_email", "verified_phone_number", "admin_only"];

impl SettingsInput {
    /// What is kept of it. Further factors, which another operation sets, are as in `before`.
    pub fn read(self, before: Option<&Settings>) -> Result<Settings, Error> {
        self.check()?;
        self.refuse()?;
        let (triggers, token_event) = triggers::read(self.lambda_config.unwrap_or_default())?;
        let admin = self.admin_create_user_config.unwrap_or_default();
        let template = self.verification_message_template.unwrap_or_default();
        let invitation = admin.invite_message_template.unwrap_or_default();
        let policies = self.policies.unwrap_or_default();
        let (policy, sign_in) = (policies.password_policy, policies.sign_in_policy.unwrap_or_default());
        let mut password = policy.map_or_else(PasswordPolicy::default, |policy| policy.read());
        if let Some(days) = admin.unused_account_validity_days.and_then(|days| u32::try_from(days).ok()) {
            password.temporary_days = days;
        }
        let email = self.email_configuration.unwrap_or_default();
        let mut recovery = self.account_recovery_setting.unwrap_or_default().recovery_mechanisms;
        recovery.sort_by_key(|option| option.priority);
        Ok(Settings {
            password,
            deletion_protection: self.deletion_protection.as_deref() == Some("ACTIVE"),
            auto_verified: self.auto_verified_attributes,
            verified_before_update: self
                .user_attribute_update_settings
                .map(|settings| settings.attributes_require_verification_before_update)
                .unwrap_or_default(),
            triggers,
            token_event,
            verification: Template {
                subject: template.email_subject.or(self.email_verification_subject),
                message: template.email_message.or(self.email_verification_message),
            },
            invitation: Template { subject: invitation.email_subject, message: invitation.email_message },
            admin_creates_only: admin.allow_admin_create_user_only,
            email: Email {
                source: email.source_arn,
                from: email.from,
                reply_to: email.reply_to_email_address,
                account: email.email_sending_account,
            },
            recovery: recovery.into_iter().map(|option| option.name).collect(),
            mfa: Mfa::read(self.mfa_configuration.as_deref()),
            software_token_mfa: before.is_some_and(|before| before.software_token_mfa),
            email_mfa: before.and_then(|before| before.email_mfa.clone()),
            devices: self.device_configuration.and_then(DeviceConfiguration::read),
            first_factors: sign_in.allowed_first_auth_factors,
            passkeys: before.and_then(|before| before.passkeys.clone()),
        })
    }

    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        constraints.one_of(self.deletion_protection.as_deref(), "deletionProtection", &["ACTIVE", "INACTIVE"]);
        constraints.one_of(self.mfa_configuration.as_deref(), "mfaConfiguration", &Mfa::WORDS);
        constraints.one_of(self.user_pool_tier.as_deref(), "userPoolTier", &["LITE", "ESSENTIALS", "PLUS"]);
        let attributes = ["phone_number", "email"];
        for name in &self.auto_verified_attributes {
            constraints.one_of(Some(name), "autoVerifiedAttributes", &attributes);
        }
        if let Some(policy) = self.policies.as_ref().and_then(|policies| policies.password_policy.as_ref()) {
            let (length, days) = (policy.minimum_length, policy.temporary_password_validity_days);
            constraints.range(length, "policies.passwordPolicy.minimumLength", &limits::PASSWORD_LENGTH_RANGE);
            let member = "policies.passwordPolicy.temporaryPasswordValidityDays";
            constraints.range(days, member, &limits::TEMPORARY_DAYS_RANGE);
        }
        let sign_in = self.policies.as_ref().and_then(|policies| policies.sign_in_policy.as_ref());
        for factor in sign_in.iter().flat_map(|policy| &policy.allowed_first_auth_factors) {
            constraints.one_of(Some(factor), "policies.signInPolicy.allowedFirstAuthFactors", &FACTORS);
        }
        if let Some(admin) = &self.admin_create_user_config {
            let member = "adminCreateUserConfig.unusedAccountValidityDays";
            constraints.range(admin.unused_account_validity_days, member, &limits::TEMPORARY_DAYS_RANGE);
        }
        if let Some(email) = &self.email_configuration {
            let member = "emailConfiguration.emailSendingAccount";
            constraints.one_of(email.email_sending_account.as_deref(), member, &EMAIL_ACCOUNTS);
        }
        for option in self.account_recovery_setting.iter().flat_map(|setting| &setting.recovery_mechanisms) {
            constraints.one_of(Some(&option.name), "accountRecoverySetting.recoveryMechanisms.name", &RECOVERY);
        }
        self.check_messages(&mut constraints);
        Ok(constraints.check()?)
    }

    fn check_messages(&self, constraints: &mut Constraints) {
        let template = self.verification_message_template.clone().unwrap_or_default();
        for message in [&self.email_verification_message, &template.email_message].into_iter().flatten() {
            check_message(constraints, message, "emailVerificationMessage", &["{####}"]);
        }
        for subject in [&self.email_verification_subject, &template.email_subject].into_iter().flatten() {
            constraints.length(Some(subject), "emailVerificationSubject", limits::SUBJECT_CHARACTERS_MAX);
        }
        let invitation =
            self.admin_create_user_config.as_ref().and_then(|admin| admin.invite_message_template.as_ref());
        if let Some(message) = invitation.and_then(|invitation| invitation.email_message.as_ref()) {
            let member = "adminCreateUserConfig.inviteMessageTemplate.emailMessage";
            check_message(constraints, message, member, &["{####}", "{username}"]);
        }
        if let Some(subject) = invitation.and_then(|invitation| invitation.email_subject.as_ref()) {
            let member = "adminCreateUserConfig.inviteMessageTemplate.emailSubject";
            constraints.length(Some(subject), member, limits::SUBJECT_CHARACTERS_MAX);
        }
    }

    /// # Errors
    /// For what is not built, by its name.
    fn refuse(&self) -> Result<(), Error> {
        let refused = |what: &str| Err(Error::NotImplemented(format!("Cognito's {what}")));
        let phone = |names: &[String]| names.iter().any(|name| name == "phone_number");
        let verified = self.user_attribute_update_settings.clone().unwrap_or_default();
        let (policies, template) = (self.policies.clone(), self.verification_message_template.clone());
        let history = policies.as_ref().and_then(|policies| policies.password_policy.as_ref()?.password_history_size);
        let factors = policies.and_then(|policies| policies.sign_in_policy).unwrap_or_default();
        let is_threat_protection = |add_ons: &AddOns| !matches!(add_ons.advanced_security_mode.as_str(), "" | "OFF");
        if self.sms_configuration.is_some() || phone(&self.auto_verified_attributes) {
            return refused("text messages (SmsConfiguration, and phone_number as an auto-verified attribute)");
        }
        if phone(&verified.attributes_require_verification_before_update) {
            return refused("verification of phone numbers");
        }
        if self.user_pool_add_ons.as_ref().is_some_and(is_threat_protection) {
            return refused("threat protection (AdvancedSecurityMode)");
        }
        if history.is_some_and(|history| history > 0) {
            return refused("PasswordHistorySize");
        }
        if factors.allowed_first_auth_factors.iter().any(|factor| factor == "SMS_OTP") {
            return refused("text messages (SMS_OTP in SignInPolicy)");
        }
        if template.and_then(|template| template.default_email_option).as_deref() == Some("CONFIRM_WITH_LINK") {
            return refused("CONFIRM_WITH_LINK");
        }
        Ok(())
    }
}

fn check_message(constraints: &mut Constraints, message: &str, member: &str, places: &[&str]) {
    if !limits::MESSAGE_CHARACTERS.contains(&message.chars().count()) {
        constraints.fail_unseen(member, "have length between 6 and 20000");
    }
    for place in places.iter().filter(|place| !message.contains(**place)) {
        constraints.fail_unseen(member, format_args!("contain {place}"));
    }
}

impl PasswordPolicyType {
    fn read(&self) -> PasswordPolicy {
        let number = |given: Option<i64>, or| given.and_then(|given| u32::try_from(given).ok()).unwrap_or(or);
        PasswordPolicy {
            minimum_length: number(self.minimum_length, 6),
            uppercase: self.require_uppercase,
            lowercase: self.require_lowercase,
            numbers: self.require_numbers,
            symbols: self.require_symbols,
            temporary_days: number(self.temporary_password_validity_days, 7),
        }
    }

    pub fn new(policy: &PasswordPolicy) -> PasswordPolicyType {
        PasswordPolicyType {
            minimum_length: Some(policy.minimum_length.into()),
            require_uppercase: policy.uppercase,
            require_lowercase: policy.lowercase,
            require_numbers: policy.numbers,
            require_symbols: policy.symbols,
            temporary_password_validity_days: Some(policy.temporary_days.into()),
            password_history_size: None,
        }
    }
}

impl From<&Template> for MessageTemplate {
    fn from(template: &Template) -> MessageTemplate {
        let Template { subject, message } = template.clone();
        MessageTemplate { sms_message: None, email_message: message, email_subject: subject }
    }
}

impl From<&Template> for VerificationTemplate {
    fn from(template: &Template) -> VerificationTemplate {
        let Template { subject, message } = template.clone();
        let default_email_option = Some("CONFIRM_WITH_CODE".into());
        VerificationTemplate {
            email_message: message,
            email_subject: subject,
            default_email_option,
            ..Default::default()
        }
    }
}

impl From<&Email> for EmailConfiguration {
    fn from(email: &Email) -> EmailConfiguration {
        let Email { source, from, reply_to, account } = email.clone();
        let email_sending_account = account.or_else(|| Some("COGNITO_DEFAULT".into()));
        let (source_arn, reply_to_email_address) = (source, reply_to);
        EmailConfiguration { source_arn, reply_to_email_address, email_sending_account, from, configuration_set: None }
    }
}
