//! CreateUserPool, DescribeUserPool, UpdateUserPool, DeleteUserPool, ListUserPools, AddCustomAttributes.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::pool_settings::{
    AdminCreateUserConfig, DeviceConfiguration, EmailConfiguration, LambdaConfig, MessageTemplate, PasswordPolicyType,
    Policies, Recovery, RecoveryOption, SettingsInput, SignInPolicy, UpdateSettings, VerificationTemplate,
};
use super::tag::{Tags, check as check_tags};
use super::{Empty, PoolInput, after, find_pool, of_pool, page_size, pool_arn, token};
use crate::error::Error;
use crate::model::{domain, pool, user as users};
use crate::types::{AttributeKind, Domain, Pool, SchemaAttribute};
use crate::{Cognito, crypto, limits, schema, signing, tokens, triggers};

const ALIASES: [&str; 3] = ["phone_number", "email", "preferred_username"];
const USERNAMES: [&str; 2] = ["phone_number", "email"];
const ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub pool_name: String,
    pub alias_attributes: Vec<String>,
    pub username_attributes: Vec<String>,
    pub schema: Vec<SchemaInput>,
    pub username_configuration: Option<UsernameConfiguration>,
    pub user_pool_tags: Tags,
    #[serde(flatten)]
    pub settings: SettingsInput,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UsernameConfiguration {
    pub case_sensitive: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SchemaInput {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute_data_type: Option<String>,
    pub developer_only_attribute: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_attribute_constraints: Option<NumberConstraints>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_attribute_constraints: Option<StringConstraints>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NumberConstraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_value: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StringConstraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PoolOutput {
    pub user_pool: Described,
}

pub async fn create(cognito: Arc<Cognito>, cx: Cx, input: CreateInput) -> Result<PoolOutput, Error> {
    check_create(&input)?;
    check_tags(&input.user_pool_tags)?;
    let id = format!("{}_{}", cx.region(), crypto::random_text(cx.env(), ID_ALPHABET, 9));
    let mut decoy = [0; 32];
    cx.env().random(&mut decoy);
    let new = Pool {
        arn: pool_arn(&cx, &id),
        id,
        name: input.pool_name,
        created: cx.now(),
        modified: cx.now(),
        alias_attributes: input.alias_attributes,
        username_attributes: input.username_attributes,
        // Source: CreateUserPool: names are told apart by case unless the pool says otherwise.
        case_sensitive: input.username_configuration.is_none_or(|configuration| configuration.case_sensitive),
        schema: read_schema(&input.schema, &[])?,
        settings: input.settings.read(None)?,
        tags: input.user_pool_tags,
        decoy: Bytes::copy_from_slice(&decoy),
    };
    let key = signing::make(&cognito, &cx, &new.id).await?;
    let described = Described::new(&cognito, &new, 0, &[]);
    let put = move |tx: &mut kv::Tx| {
        pool::put(tx, &new)?;
        pool::add_signing_key(tx, &new.id, 0, &key)
    };
    cx.db().write(put).await?;
    Ok(PoolOutput { user_pool: described })
}

fn check_create(input: &CreateInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    check_pool_name(&mut constraints, &input.pool_name);
    for name in &input.alias_attributes {
        constraints.one_of(Some(name), "aliasAttributes", &ALIASES);
    }
    for name in &input.username_attributes {
        constraints.one_of(Some(name), "usernameAttributes", &USERNAMES);
    }
    constraints.check()?;
    if !input.alias_attributes.is_empty() && !input.username_attributes.is_empty() {
        let told = "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.";
        return Err(Error::parameter(told));
    }
    Ok(())
}

fn check_pool_name(constraints: &mut Constraints, name: &str) {
    if name.is_empty() {
        constraints.fail(name, "poolName", "have length greater than or equal to 1");
    }
    constraints.length(Some(name), "poolName", limits::NAME_CHARACTERS_MAX);
    let fits = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_+=,.@-".contains(c));
    constraints.pattern(Some(name), "poolName", r"[\w\s+=,.@-]+", fits);
}

/// What attributes are to be like, beside those that are there already.
fn read_schema(given: &[SchemaInput], others: &[SchemaAttribute]) -> Result<Vec<SchemaAttribute>, Error> {
    let mut all = others.to_vec();
    for input in given {
        let attribute = input.read()?;
        if all.iter().any(|other| other.name == attribute.name) {
            let name = &attribute.name;
            return Err(Error::parameter(format!("{name}: Existing attribute already has name {name}.")));
        }
        all.push(attribute);
    }
    let custom = all.iter().filter(|attribute| !schema::is_standard(&attribute.name)).count();
    if custom > limits::CUSTOM_ATTRIBUTES_MAX {
        return Err(Error::parameter(format!(
            "A pool has {} custom attributes at most.",
            limits::CUSTOM_ATTRIBUTES_MAX
        )));
    }
    Ok(all)
}

impl SchemaInput {
    fn read(&self) -> Result<SchemaAttribute, Error> {
        let mut constraints = Constraints::default();
        let kind = self.attribute_data_type.as_deref();
        constraints.one_of(kind, "schema.attributeDataType", &AttributeKind::WORDS);
        constraints.length(Some(&self.name), "schema.name", limits::CUSTOM_NAME_CHARACTERS_MAX);
        super::check_name_within(&mut constraints, &self.name, "schema.name");
        constraints.check()?;
        let is_standard = schema::is_standard(&self.name);
        let name = match (is_standard, self.developer_only_attribute) {
            (true, _) => self.name.clone(),
            (false, false) => format!("{}{}", schema::CUSTOM, self.name),
            (false, true) => format!("{}{}{}", schema::DEVELOPER, schema::CUSTOM, self.name),
        };
        if !is_standard && self.required == Some(true) {
            return Err(Error::parameter("Required custom attributes are not supported currently."));
        }
        let standard = schema::standard(&self.name);
        let is_changed = standard.as_ref().is_some_and(|own| kind.is_some_and(|kind| kind != own.kind.word()));
        if is_changed || (is_standard && self.developer_only_attribute) {
            return Err(Error::parameter(format!(
                "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute {}",
                self.name
            )));
        }
        let known = kind.and_then(AttributeKind::read).or(standard.as_ref().map(|own| own.kind));
        let kind = known.ok_or_else(|| {
            Error::parameter("Invalid AttributeDataType input, consider using the provided AttributeDataType enum.")
        })?;
        let numbers = self.number_attribute_constraints.clone().unwrap_or_default();
        let texts = self.string_attribute_constraints.clone().unwrap_or_default();
        self.check_bounds(&texts, &numbers)?;
        let (own_min, own_max) = standard.map_or((None, None), |own| (own.min, own.max));
        Ok(SchemaAttribute {
            name,
            kind,
            // Of standard attributes as well, which are mutable only while a schema does not name them.
            mutable: self.mutable.unwrap_or(false),
            required: self.required.unwrap_or(false),
            min: texts.min_length.or(numbers.min_value).or(own_min),
            max: texts.max_length.or(numbers.max_value).or(own_max),
        })
    }

    /// # Errors
    /// For bounds that are no numbers, that nothing can keep, or that no text may reach.
    fn check_bounds(&self, texts: &StringConstraints, numbers: &NumberConstraints) -> Result<(), Error> {
        let name = &self.name;
        let bound = |text: &Option<String>, constraint: &str| {
            let told = || Error::parameter(format!("Invalid {constraint} for schema attribute {name}"));
            text.as_ref().map(|text| text.parse::<f64>().map_err(|_| told())).transpose()
        };
        let (shortest, longest) = (
            bound(&texts.min_length, "StringAttributeConstraints")?,
            bound(&texts.max_length, "StringAttributeConstraints")?,
        );
        let (least, most) = (
            bound(&numbers.min_value, "NumberAttributeConstraints")?,
            bound(&numbers.max_value, "NumberAttributeConstraints")?,
        );
        let is_over =
            |bound: Option<f64>| bound.is_some_and(|bound| bound > limits::ATTRIBUTE_VALUE_CHARACTERS_MAX as f64);
        let is_crossed = |min: Option<f64>, max: Option<f64>| min.zip(max).is_some_and(|(min, max)| max < min);
        let told = if is_over(shortest) || is_over(longest) {
            "String attributes cannot have a length of more than 2048"
        } else if is_crossed(shortest, longest) {
            "Max length cannot be less than min length."
        } else if is_crossed(least, most) {
            "Max value cannot be less than min value."
        } else {
            return Ok(());
        };
        Err(Error::parameter(format!("user.{name}: {told}")))
    }

    fn new(attribute: &SchemaAttribute) -> SchemaInput {
        let (min, max) = (attribute.min.clone(), attribute.max.clone());
        let is_number = attribute.kind == AttributeKind::Number;
        let is_text = attribute.kind == AttributeKind::Text;
        SchemaInput {
            name: attribute.name.clone(),
            attribute_data_type: Some(attribute.kind.word().into()),
            developer_only_attribute: attribute.name.starts_with(schema::DEVELOPER),
            mutable: Some(attribute.mutable),
            required: Some(attribute.required),
            number_attribute_constraints: is_number
                .then(|| NumberConstraints { min_value: min.clone(), max_value: max.clone() }),
            string_attribute_constraints: is_text.then_some(StringConstraints { min_length: min, max_length: max }),
        }
    }
}

/// What is told of a pool.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    pub id: String,
    pub name: String,
    pub arn: String,
    pub policies: Policies,
    pub deletion_protection: &'static str,
    pub lambda_config: LambdaConfig,
    pub last_modified_date: DateTime,
    pub creation_date: DateTime,
    pub schema_attributes: Vec<SchemaInput>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auto_verified_attributes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alias_attributes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub username_attributes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verification_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verification_subject: Option<String>,
    pub verification_message_template: VerificationTemplate,
    pub user_attribute_update_settings: UpdateSettings,
    pub mfa_configuration: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_configuration: Option<DeviceConfiguration>,
    pub estimated_number_of_users: u64,
    pub email_configuration: EmailConfiguration,
    pub user_pool_tags: Tags,
    pub admin_create_user_config: AdminCreateUserConfig,
    pub username_configuration: UsernameConfiguration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_recovery_setting: Option<Recovery>,
    pub user_pool_tier: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_domain: Option<String>,
    /// Of our own, for stacks: what tokens of the pool have as `iss`. AWS's clients do not look at it.
    pub issuer: String,
}

impl Described {
    fn new(cognito: &Cognito, pool: &Pool, users: u64, domains: &[Domain]) -> Described {
        let settings = pool.settings.clone();
        let name = |is_own: bool| domains.iter().find(|domain| domain.certificate.is_some() == is_own);
        let name = |is_own: bool| name(is_own).map(|domain| domain.name.clone());
        let options = (1..).zip(settings.recovery).map(|(priority, name)| RecoveryOption { priority, name });
        let recovery_mechanisms: Vec<_> = options.collect();
        let allowed_first_auth_factors = match settings.first_factors {
            factors if factors.is_empty() => vec!["PASSWORD".to_owned()],
            factors => factors,
        };
        Described {
            id: pool.id.clone(),
            name: pool.name.clone(),
            arn: pool.arn.to_string(),
            policies: Policies {
                password_policy: Some(PasswordPolicyType::new(&settings.password)),
                sign_in_policy: Some(SignInPolicy { allowed_first_auth_factors }),
            },
            deletion_protection: if settings.deletion_protection { "ACTIVE" } else { "INACTIVE" },
            lambda_config: triggers::told(&pool.settings),
            last_modified_date: pool.modified.into(),
            creation_date: pool.created.into(),
            schema_attributes: schema::all(pool).iter().map(SchemaInput::new).collect(),
            auto_verified_attributes: settings.auto_verified,
            alias_attributes: pool.alias_attributes.clone(),
            username_attributes: pool.username_attributes.clone(),
            email_verification_message: settings.verification.message.clone(),
            email_verification_subject: settings.verification.subject.clone(),
            verification_message_template: (&settings.verification).into(),
            user_attribute_update_settings: UpdateSettings {
                attributes_require_verification_before_update: settings.verified_before_update,
            },
            mfa_configuration: settings.mfa.word(),
            device_configuration: settings.devices.map(DeviceConfiguration::new),
            estimated_number_of_users: users,
            email_configuration: (&settings.email).into(),
            user_pool_tags: pool.tags.clone(),
            admin_create_user_config: AdminCreateUserConfig {
                allow_admin_create_user_only: settings.admin_creates_only,
                unused_account_validity_days: Some(settings.password.temporary_days.into()),
                invite_message_template: Some(MessageTemplate::from(&settings.invitation))
                    .filter(|template| template.email_message.is_some() || template.email_subject.is_some()),
            },
            username_configuration: UsernameConfiguration { case_sensitive: pool.case_sensitive },
            account_recovery_setting: (!recovery_mechanisms.is_empty()).then_some(Recovery { recovery_mechanisms }),
            user_pool_tier: "ESSENTIALS",
            domain: name(false),
            custom_domain: name(true),
            issuer: tokens::issuer(cognito, &pool.id),
        }
    }
}

pub async fn describe(cognito: Arc<Cognito>, cx: Cx, input: PoolInput) -> Result<PoolOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let read = cx.db().read()?;
    let (users, domains) = (users::count(&read, &pool.id)?, domain::all_of(&read, &pool.id)?);
    Ok(PoolOutput { user_pool: Described::new(&cognito, &pool, users, &domains) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub user_pool_id: String,
    pub pool_name: Option<String>,
    pub user_pool_tags: Option<Tags>,
    #[serde(flatten)]
    pub settings: SettingsInput,
}
of_pool!(UpdateInput, AddAttributesInput);

pub async fn update(_: Arc<Cognito>, cx: Cx, input: UpdateInput) -> Result<Empty, Error> {
    let found = find_pool(&cx, &input.user_pool_id)?;
    let mut constraints = Constraints::default();
    input.pool_name.iter().for_each(|name| check_pool_name(&mut constraints, name));
    constraints.check()?;
    input.user_pool_tags.as_ref().map_or(Ok(()), check_tags)?;
    let (settings, now) = (input.settings.read(Some(&found.settings))?, cx.now());
    let set = move |pool: &mut Pool| {
        pool.settings = settings.clone();
        pool.modified = now;
        pool.name = input.pool_name.clone().unwrap_or_else(|| pool.name.clone());
        pool.tags = input.user_pool_tags.clone().unwrap_or_else(|| pool.tags.clone());
        Ok(())
    };
    cx.db().write(move |tx| pool::change(tx, &found.id, &set)).await?;
    Ok(Empty {})
}

pub async fn delete(_: Arc<Cognito>, cx: Cx, input: PoolInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    cx.db().write(move |tx| pool::delete(tx, &pool.id)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub user_pools: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub id: String,
    pub name: String,
    pub lambda_config: LambdaConfig,
    pub last_modified_date: DateTime,
    pub creation_date: DateTime,
}

pub async fn list(_: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (limit, after) = (page_size(input.max_results, "maxResults")?, after(input.next_token.as_deref())?);
    let (pools, more) = pool::list(&cx.db().read()?, cx.region().as_str(), &after, limit)?;
    let next_token = token(more, pools.last().map(|pool| pool.id.as_str()));
    let listed = |pool: Pool| Listed {
        lambda_config: triggers::told(&pool.settings),
        last_modified_date: pool.modified.into(),
        creation_date: pool.created.into(),
        id: pool.id,
        name: pool.name,
    };
    Ok(ListOutput { user_pools: pools.into_iter().map(listed).collect(), next_token })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddAttributesInput {
    pub user_pool_id: String,
    pub custom_attributes: Vec<SchemaInput>,
}

pub async fn add_attributes(_: Arc<Cognito>, cx: Cx, input: AddAttributesInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let names: BTreeSet<&str> = input.custom_attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| schema::is_standard(name)) {
        return Err(Error::parameter(format!("{name}: Existing attribute already has name {name}.")));
    }
    let (now, id) = (cx.now(), pool.id);
    let set = move |pool: &mut Pool| {
        pool.schema = read_schema(&input.custom_attributes, &pool.schema)?;
        pool.modified = now;
        Ok(())
    };
    cx.db().write(move |tx| pool::change(tx, &id, &set)).await?;
    Ok(Empty {})
}
