//! Message attributes: between the wire and what queues keep of them.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html>

use std::collections::BTreeMap;

use serde::Deserialize;
use service::{Attribute, AttributeValue};
use wire::Blob;

use crate::error::Error;
use crate::limits;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WireAttribute {
    pub data_type: Option<String>,
    pub string_value: Option<String>,
    pub binary_value: Option<Blob>,
}

/// Checks a message's attributes. `place` is that of the message in its batch, from 1.
pub fn checked(
    attributes: BTreeMap<String, WireAttribute>,
    place: Option<usize>,
) -> Result<BTreeMap<String, Attribute>, Error> {
    attributes.into_iter().map(|(name, value)| attribute(&name, value, place).map(|value| (name, value))).collect()
}

/// What they count against a message's size: their names, types and values.
pub fn size(attributes: &BTreeMap<String, Attribute>) -> usize {
    let size = |(name, attribute): (&String, &Attribute)| {
        let value = match &attribute.value {
            AttributeValue::Text(text) => text.len(),
            AttributeValue::Binary(bytes) => bytes.len(),
        };
        name.len() + attribute.data_type.len() + value
    };
    attributes.iter().map(size).sum()
}

fn attribute(name: &str, input: WireAttribute, place: Option<usize>) -> Result<Attribute, Error> {
    let invalid = |reason: String| Err(Error::ParameterValueInvalid(reason));
    check_name(name)?;
    let Some(data_type) = input.data_type else {
        let batch = place.map_or_else(String::new, |place| format!("publishBatchRequestEntries.{place}.member."));
        return Err(Error::Null(format!("{batch}messageAttributes.{name}.member.dataType")));
    };
    let (kind, label) =
        data_type.split_once('.').map_or((data_type.as_str(), None), |(kind, label)| (kind, Some(label)));
    if !matches!(kind, "String" | "Number" | "Binary") || label == Some("") {
        return invalid(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
        ));
    }
    let field = if kind == "Binary" { "Binary" } else { "String" };
    let value = match (field, input.string_value, input.binary_value) {
        ("String", Some(text), _) if !text.is_empty() => AttributeValue::Text(text),
        ("Binary", _, Some(bytes)) if !bytes.0.is_empty() => AttributeValue::Binary(bytes.0),
        ("String", None, Some(_)) | ("Binary", Some(_), None) => {
            return invalid(format!(
                "The message attribute '{name}' with type '{data_type}' must use field '{field}'."
            ));
        }
        _ => {
            return invalid(format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{data_type}'."
            ));
        }
    };
    if kind == "Number"
        && let AttributeValue::Text(text) = &value
        && text.parse::<f64>().is_err()
    {
        return invalid(format!("Could not cast message attribute '{name}' value to number."));
    }
    Ok(Attribute { data_type, value })
}

fn check_name(name: &str) -> Result<(), Error> {
    let reason = if name.len() > limits::MESSAGE_ATTRIBUTE_NAME_BYTES_MAX {
        "Length of message attribute name must be less than 256 bytes.".to_owned()
    } else if name.starts_with('.') || name.is_empty() {
        "Invalid message attribute name starting with character '.' was found.".to_owned()
    } else if name.ends_with('.') {
        "Invalid message attribute name ending with character '.' was found.".to_owned()
    } else if let Some(other) = name.chars().find(|other| !other.is_ascii_alphanumeric() && !"_-.".contains(*other)) {
        format!(
            "Invalid non-alphanumeric character '#x{:X}' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
            u32::from(other)
        )
    } else if name.contains("..") {
        "Message attribute name can not have successive '.' character.".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::ParameterValueInvalid(reason))
}
