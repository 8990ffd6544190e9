//! CreateConfigurationSet, GetConfigurationSet, DeleteConfigurationSet, ListConfigurationSets, and what can be set on one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Cx;

use super::super::{Empty, PageInput, Tag, check_name, checked_tags, shown_tags};
use super::suppression::{reason_name, reasons};
use crate::error::Error;
use crate::keys::CONFIGURATION_SETS;
use crate::model::configuration_set;
use crate::types::ConfigurationSet;
use crate::{Ses, limits};

/// A new set, as it is where nothing is said.
pub fn new(cx: &Cx, name: String) -> Result<ConfigurationSet, Error> {
    check_name(&name, "Configuration set", limits::CONFIGURATION_SET_NAME_CHARACTERS_MAX)?;
    Ok(ConfigurationSet {
        name,
        created: cx.now(),
        sends: true,
        suppresses: None,
        reputation_metrics: false,
        tls_policy: OPTIONAL.into(),
        max_delivery_seconds: None,
        redirect_domain: None,
        https_policy: None,
        destinations: Vec::new(),
        tags: std::collections::BTreeMap::new(),
    })
}

const OPTIONAL: &str = "OPTIONAL";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub configuration_set_name: String,
    tracking_options: Option<Tracking>,
    delivery_options: Option<Delivery>,
    reputation_options: Option<Reputation>,
    sending_options: Option<Sending>,
    suppression_options: Option<Suppression>,
    tags: Vec<Tag>,
    vdm_options: Option<Value>,
    archiving_options: Option<Value>,
    message_security_options: Option<Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Tracking {
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_redirect_domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    https_policy: Option<String>,
}

impl Tracking {
    fn set(self, set: &mut ConfigurationSet) -> Result<(), Error> {
        let known = ["REQUIRE", "REQUIRE_OPEN_ONLY", OPTIONAL];
        if let Some(policy) = self.https_policy.as_ref().filter(|policy| !known.contains(&policy.as_str())) {
            return Err(Error::invalid(format!("Invalid HttpsPolicy: {policy}.")));
        }
        (set.redirect_domain, set.https_policy) = (self.custom_redirect_domain, self.https_policy);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Delivery {
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_policy: Option<String>,
    #[serde(skip_serializing)]
    sending_pool_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_delivery_seconds: Option<u64>,
}

impl Delivery {
    fn set(self, set: &mut ConfigurationSet) -> Result<(), Error> {
        if self.sending_pool_name.is_some() {
            return Err(Error::NotImplemented("a pool of dedicated IP addresses (SendingPoolName)".into()));
        }
        let policy = self.tls_policy.unwrap_or_else(|| OPTIONAL.into());
        if !["REQUIRE", OPTIONAL].contains(&policy.as_str()) {
            return Err(Error::invalid(format!("Invalid TlsPolicy: {policy}.")));
        }
        if self.max_delivery_seconds.is_some_and(|seconds| !(300..=50_400).contains(&seconds)) {
            return Err(Error::invalid("MaxDeliverySeconds must be from 300 to 50400."));
        }
        (set.tls_policy, set.max_delivery_seconds) = (policy, self.max_delivery_seconds);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Reputation {
    reputation_metrics_enabled: bool,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Sending {
    sending_enabled: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Suppression {
    suppressed_reasons: Vec<String>,
    suppression_scope: Option<String>,
    validation_options: Option<Value>,
}

impl Suppression {
    fn set(self, set: &mut ConfigurationSet) -> Result<(), Error> {
        if self.validation_options.is_some() || self.suppression_scope.is_some_and(|scope| scope != "ACCOUNT") {
            return Err(Error::NotImplemented("validation of addresses, and suppression lists of tenants".into()));
        }
        set.suppresses = Some(reasons(&self.suppressed_reasons)?);
        Ok(())
    }
}

pub async fn create(_: Arc<Ses>, cx: Cx, input: CreateInput) -> Result<Empty, Error> {
    let absent = [
        (input.vdm_options, "VdmOptions"),
        (input.archiving_options, "ArchivingOptions"),
        (input.message_security_options, "MessageSecurityOptions"),
    ];
    if let Some((_, name)) = absent.iter().find(|(options, _)| options.is_some()) {
        return Err(Error::NotImplemented(format!("{name} of configuration sets")));
    }
    let mut set = new(&cx, input.configuration_set_name)?;
    input.tracking_options.map_or(Ok(()), |options| options.set(&mut set))?;
    input.delivery_options.map_or(Ok(()), |options| options.set(&mut set))?;
    input.suppression_options.map_or(Ok(()), |options| options.set(&mut set))?;
    set.reputation_metrics = input.reputation_options.is_some_and(|options| options.reputation_metrics_enabled);
    set.sends = input.sending_options.is_none_or(|options| options.sending_enabled);
    set.tags = checked_tags(input.tags)?;
    let region = cx.region().to_string();
    cx.db().write(move |tx| configuration_set::create(tx, &region, &set)).await?;
    Ok(Empty {})
}

/// A request that names nothing but a configuration set.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SetInput {
    pub configuration_set_name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    configuration_set_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_options: Option<Tracking>,
    delivery_options: Delivery,
    reputation_options: Reputation,
    sending_options: Sending,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression_options: Option<SuppressionOutput>,
    tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SuppressionOutput {
    suppressed_reasons: Vec<&'static str>,
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: SetInput) -> Result<GetOutput, Error> {
    let found = configuration_set::find(&cx.db().read()?, cx.region().as_str(), &input.configuration_set_name)?;
    let tracking = Tracking { custom_redirect_domain: found.redirect_domain, https_policy: found.https_policy };
    Ok(GetOutput {
        configuration_set_name: found.name,
        tracking_options: tracking.custom_redirect_domain.is_some().then_some(tracking),
        delivery_options: Delivery {
            tls_policy: Some(found.tls_policy),
            sending_pool_name: None,
            max_delivery_seconds: found.max_delivery_seconds,
        },
        reputation_options: Reputation { reputation_metrics_enabled: found.reputation_metrics },
        sending_options: Sending { sending_enabled: found.sends },
        suppression_options: found
            .suppresses
            .map(|reasons| SuppressionOutput { suppressed_reasons: reasons.into_iter().map(reason_name).collect() }),
        tags: shown_tags(found.tags),
    })
}

pub async fn delete(_: Arc<Ses>, cx: Cx, input: SetInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| configuration_set::delete(tx, &region, &input.configuration_set_name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    configuration_sets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: PageInput) -> Result<ListOutput, Error> {
    let (found, next_token) = input.of(&cx, &CONFIGURATION_SETS)?;
    Ok(ListOutput { configuration_sets: found.into_iter().map(|set| set.name).collect(), next_token })
}

/// Changes a set that has to be there.
pub async fn change(
    cx: &Cx,
    name: String,
    change: impl Fn(&mut ConfigurationSet) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| configuration_set::change(tx, &region, &name, &change)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SendingInput {
    pub configuration_set_name: String,
    sending_enabled: bool,
}

pub async fn put_sending(_: Arc<Ses>, cx: Cx, input: SendingInput) -> Result<Empty, Error> {
    let sends = input.sending_enabled;
    change(&cx, input.configuration_set_name, move |set| {
        set.sends = sends;
        Ok(())
    })
    .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReputationInput {
    pub configuration_set_name: String,
    reputation_metrics_enabled: bool,
}

pub async fn put_reputation(_: Arc<Ses>, cx: Cx, input: ReputationInput) -> Result<Empty, Error> {
    let enabled = input.reputation_metrics_enabled;
    change(&cx, input.configuration_set_name, move |set| {
        set.reputation_metrics = enabled;
        Ok(())
    })
    .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeliveryInput {
    pub configuration_set_name: String,
    tls_policy: Option<String>,
    sending_pool_name: Option<String>,
    max_delivery_seconds: Option<u64>,
}

pub async fn put_delivery(_: Arc<Ses>, cx: Cx, input: DeliveryInput) -> Result<Empty, Error> {
    let DeliveryInput { configuration_set_name, tls_policy, sending_pool_name, max_delivery_seconds } = input;
    let options = Delivery { tls_policy, sending_pool_name, max_delivery_seconds };
    change(&cx, configuration_set_name, move |set| options.clone().set(set)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TrackingInput {
    pub configuration_set_name: String,
    custom_redirect_domain: Option<String>,
    https_policy: Option<String>,
}

pub async fn put_tracking(_: Arc<Ses>, cx: Cx, input: TrackingInput) -> Result<Empty, Error> {
    let TrackingInput { configuration_set_name, custom_redirect_domain, https_policy } = input;
    let options = Tracking { custom_redirect_domain, https_policy };
    change(&cx, configuration_set_name, move |set| options.clone().set(set)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SuppressionInput {
    pub configuration_set_name: String,
    suppressed_reasons: Vec<String>,
    suppression_scope: Option<String>,
    validation_options: Option<Value>,
}

pub async fn put_suppression(_: Arc<Ses>, cx: Cx, input: SuppressionInput) -> Result<Empty, Error> {
    let SuppressionInput { configuration_set_name, suppressed_reasons, suppression_scope, validation_options } = input;
    let options = Suppression { suppressed_reasons, suppression_scope, validation_options };
    change(&cx, configuration_set_name, move |set| options.clone().set(set)).await
}
