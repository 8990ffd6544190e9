//! `AWS::SES::EmailIdentity`, `AWS::SES::Template` and `AWS::SES::ConfigurationSet`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::shape::{Property, Shape, TAGS, TEXTS, fixed, ignored, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, tags, text_of};
use crate::state::Deployed;

/// Version 2 of the API.
const SES: &str = "sesv2";

/// Sets the tags of a resource that was made before.
async fn retag(cx: &Cx<'_>, resource: &str, old: &Deployed, wanted: &Properties) -> Result<()> {
    let arn = cx.arn("ses", resource);
    let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
    if !set.is_empty() {
        cx.call(SES, "TagResource", json!({"ResourceArn": arn, "Tags": tags::list(&set)})).await?;
    }
    if !gone.is_empty() {
        cx.call(SES, "UntagResource", json!({"ResourceArn": arn, "TagKeys": gone})).await?;
    }
    Ok(())
}

pub struct EmailIdentity;

const DKIM: Shape = Shape::Struct(&[("SigningEnabled", Shape::Boolean)]);
const SIGNING: Shape = Shape::Struct(&[
    ("DomainSigningSelector", Shape::Text),
    ("DomainSigningPrivateKey", Shape::Text),
    ("NextSigningKeyLength", Shape::Text),
]);
const MAIL_FROM: Shape = Shape::Struct(&[("MailFromDomain", Shape::Text), ("BehaviorOnMxFailure", Shape::Text)]);

/// What is set on an identity once it is there: the property, the operation, and what is so where nothing is said.
fn identity_settings() -> [(&'static str, &'static str, Value); 5] {
    [
        ("ConfigurationSetAttributes", "PutEmailIdentityConfigurationSetAttributes", json!({})),
        ("DkimAttributes", "PutEmailIdentityDkimAttributes", json!({"SigningEnabled": true})),
        ("DkimSigningAttributes", "PutEmailIdentityDkimSigningAttributes", json!({})),
        ("FeedbackAttributes", "PutEmailIdentityFeedbackAttributes", json!({"EmailForwardingEnabled": true})),
        ("MailFromAttributes", "PutEmailIdentityMailFromAttributes", json!({})),
    ]
}

async fn set_identity(cx: &Cx<'_>, name: &str, before: &Properties, wanted: &Properties) -> Result<()> {
    for (property, operation, default) in identity_settings() {
        if before.get(property) == wanted.get(property) {
            continue;
        }
        let value = wanted.get(property).cloned().unwrap_or(default);
        let mut input = match property {
            "DkimSigningAttributes" => {
                let own = value.get("DomainSigningSelector").is_some();
                let origin = if own { "EXTERNAL" } else { "AWS_SES" };
                json!({"SigningAttributesOrigin": origin, "SigningAttributes": value})
            }
            _ => value,
        };
        input["EmailIdentity"] = json!(name);
        cx.call(SES, operation, input).await?;
    }
    Ok(())
}

#[async_trait]
impl Resource for EmailIdentity {
    fn kind(&self) -> &'static str {
        "AWS::SES::EmailIdentity"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("EmailIdentity", Shape::Text).required(),
                property("ConfigurationSetAttributes", Shape::Struct(&[("ConfigurationSetName", Shape::Text)])),
                property("DkimAttributes", DKIM),
                property("DkimSigningAttributes", SIGNING),
                property("FeedbackAttributes", Shape::Struct(&[("EmailForwardingEnabled", Shape::Boolean)])),
                property("MailFromAttributes", MAIL_FROM),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        const {
            &[
                "DkimDNSTokenName1",
                "DkimDNSTokenName2",
                "DkimDNSTokenName3",
                "DkimDNSTokenValue1",
                "DkimDNSTokenValue2",
                "DkimDNSTokenValue3",
            ]
        }
    }

    fn name(&self) -> Option<&'static str> {
        Some("EmailIdentity")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = text_of(wanted, "EmailIdentity")?;
        let input = json!({"EmailIdentity": name, "Tags": tags::list(&tags::map(wanted))});
        let made = cx.call(SES, "CreateEmailIdentity", input).await?;
        set_identity(cx, name, &Properties::new(), wanted).await?;
        let tokens = made["DkimAttributes"]["Tokens"].as_array().cloned().unwrap_or_default();
        let mut attributes = Map::new();
        for (number, token) in (1..=3).zip(tokens.iter().filter_map(Value::as_str)) {
            attributes.insert(format!("DkimDNSTokenName{number}"), json!(format!("{token}._domainkey.{name}")));
            attributes.insert(format!("DkimDNSTokenValue{number}"), json!(format!("{token}.dkim.amazonses.com")));
        }
        Ok(Made { physical_id: name.to_string(), attributes })
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        set_identity(cx, &old.physical_id, &old.properties, wanted).await?;
        retag(cx, &format!("identity/{}", old.physical_id), old, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(SES, "DeleteEmailIdentity", json!({"EmailIdentity": old.physical_id})).await)
    }
}

pub struct Template;

/// The parts of a template, under the names of version 2.
fn content(wanted: &Properties) -> Value {
    let parts = wanted.get("Template").and_then(Value::as_object).cloned().unwrap_or_default();
    let names = [("SubjectPart", "Subject"), ("TextPart", "Text"), ("HtmlPart", "Html")];
    let all = names.iter().filter_map(|(part, name)| Some((name.to_string(), parts.get(*part)?.clone())));
    Value::Object(all.collect())
}

/// A template's name is within it.
fn template_name(wanted: &Properties) -> Option<&str> {
    wanted.get("Template")?.get("TemplateName")?.as_str()
}

#[async_trait]
impl Resource for Template {
    fn kind(&self) -> &'static str {
        "AWS::SES::Template"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property(
                    "Template",
                    Shape::Struct(&[
                        ("TemplateName", Shape::Text),
                        ("SubjectPart", Shape::Text),
                        ("TextPart", Shape::Text),
                        ("HtmlPart", Shape::Text),
                    ]),
                )
                .required(),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = template_name(wanted).map_or_else(|| cx.generated_name(64), str::to_string);
        let input =
            json!({"TemplateName": name, "TemplateContent": content(wanted), "Tags": tags::list(&tags::map(wanted))});
        cx.call(SES, "CreateEmailTemplate", input).await?;
        Ok(Made::new(name.clone(), [("Id", json!(name))]))
    }

    /// One that gets another name is made anew; who still has the old name finds nothing.
    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        if template_name(wanted).is_some_and(|name| name != old.physical_id) {
            let made = self.create(cx, wanted).await?;
            self.delete(cx, old).await?;
            return Ok(made);
        }
        let input = json!({"TemplateName": old.physical_id, "TemplateContent": content(wanted)});
        cx.call(SES, "UpdateEmailTemplate", input).await?;
        retag(cx, &format!("template/{}", old.physical_id), old, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(SES, "DeleteEmailTemplate", json!({"TemplateName": old.physical_id})).await)
    }
}

pub struct ConfigurationSet;

/// What is set on a configuration set: the property, the operation, and what is so where nothing is said.
fn set_settings() -> [(&'static str, &'static str, Value); 5] {
    [
        ("DeliveryOptions", "PutConfigurationSetDeliveryOptions", json!({})),
        ("ReputationOptions", "PutConfigurationSetReputationOptions", json!({"ReputationMetricsEnabled": false})),
        ("SendingOptions", "PutConfigurationSetSendingOptions", json!({"SendingEnabled": true})),
        (
            "SuppressionOptions",
            "PutConfigurationSetSuppressionOptions",
            json!({"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}),
        ),
        ("TrackingOptions", "PutConfigurationSetTrackingOptions", json!({})),
    ]
}

#[async_trait]
impl Resource for ConfigurationSet {
    fn kind(&self) -> &'static str {
        "AWS::SES::ConfigurationSet"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                property(
                    "DeliveryOptions",
                    Shape::Struct(&[("TlsPolicy", Shape::Text), ("MaxDeliverySeconds", Shape::Integer)]),
                ),
                property("ReputationOptions", Shape::Struct(&[("ReputationMetricsEnabled", Shape::Boolean)])),
                property("SendingOptions", Shape::Struct(&[("SendingEnabled", Shape::Boolean)])),
                property("SuppressionOptions", Shape::Struct(&[("SuppressedReasons", TEXTS)])),
                property(
                    "TrackingOptions",
                    Shape::Struct(&[("CustomRedirectDomain", Shape::Text), ("HttpsPolicy", Shape::Text)]),
                ),
                property("Tags", TAGS),
                ignored("VdmOptions"),
                ignored("ArchivingOptions"),
            ]
        }
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", 64);
        let mut input = json!({"ConfigurationSetName": name, "Tags": tags::list(&tags::map(wanted))});
        for (property, ..) in set_settings() {
            if let Some(value) = wanted.get(property) {
                input[property] = value.clone();
            }
        }
        cx.call(SES, "CreateConfigurationSet", input).await?;
        Ok(Made::new(name, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        for (property, operation, default) in set_settings() {
            if old.properties.get(property) != wanted.get(property) {
                let mut input = wanted.get(property).cloned().unwrap_or(default);
                input["ConfigurationSetName"] = json!(old.physical_id);
                cx.call(SES, operation, input).await?;
            }
        }
        retag(cx, &format!("configuration-set/{}", old.physical_id), old, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(SES, "DeleteConfigurationSet", json!({"ConfigurationSetName": old.physical_id})).await)
    }
}
