//! The MD5 digests that SDKs check answers with.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation>

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use crate::types::{AttributeValue, MessageAttribute};

/// Lower-case hexadecimal MD5 of a message's body.
pub fn of_body(body: &str) -> String {
    hex::encode(Md5::digest(body))
}

/// The digest of attributes in order of their names; `None` without any.
pub fn of_attributes<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a MessageAttribute)>) -> Option<String> {
    let sorted: BTreeMap<_, _> = attributes.into_iter().collect();
    if sorted.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, attribute) in sorted {
        update(&mut digest, name.as_bytes());
        update(&mut digest, attribute.data_type.as_bytes());
        let (transport, value) = match &attribute.value {
            AttributeValue::Text(text) => (1, text.as_bytes()),
            AttributeValue::Binary(bytes) => (2, &bytes[..]),
        };
        digest.update([transport]);
        update(&mut digest, value);
    }
    Some(hex::encode(digest.finalize()))
}

fn update(digest: &mut Md5, bytes: &[u8]) {
    // Attribute values are far below 4 GiB: MESSAGE_BYTES_MAX.
    digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    digest.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_what_sdks_compute() {
        assert_eq!(of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
        let attribute = MessageAttribute { data_type: "String".into(), value: AttributeValue::Text("v".into()) };
        // MD5 of 00000001 'k' 00000006 'String' 01 00000001 'v'.
        assert_eq!(of_attributes([(&"k".to_owned(), &attribute)]).unwrap(), "0a77b0642718c3d9dd47090567d11e0d");
        assert_eq!(of_attributes([]), None);
    }
}
