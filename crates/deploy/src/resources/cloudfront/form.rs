//! From CloudFormation's form of documents to the one of CloudFront's operations: lists with their lengths, and names that differ.

use serde_json::{Map, Value, json};

/// Names in templates, and in operations.
const NAMES: [(&str, &str); 7] = [
    ("AcmCertificateArn", "ACMCertificateArn"),
    ("CNAMEs", "Aliases"),
    ("IPV6Enabled", "IsIPV6Enabled"),
    ("IamCertificateId", "IAMCertificateId"),
    ("OriginCustomHeaders", "CustomHeaders"),
    ("OriginSSLProtocols", "OriginSslProtocols"),
    ("SslSupportMethod", "SSLSupportMethod"),
];

/// A document as operations take it.
pub fn of(value: &Value) -> Value {
    match value {
        Value::Object(members) => object(members),
        Value::Array(elements) => elements.iter().map(of).collect(),
        scalar => scalar.clone(),
    }
}

fn object(members: &Map<String, Value>) -> Value {
    let mut made = Map::new();
    for (name, value) in members {
        let renamed = NAMES.iter().find(|(known, _)| known == name).map_or(name.as_str(), |(_, api)| api);
        match (name.as_str(), value) {
            // A list with its length already, or about to be.
            ("Quantity", _) => {}
            ("Items" | "Locations", Value::Array(items)) => {
                made.insert("Quantity".into(), json!(items.len()));
                made.insert("Items".into(), items.iter().map(of).collect());
            }
            ("TrustedKeyGroups" | "TrustedSigners", Value::Array(items)) => {
                made.insert(
                    renamed.into(),
                    json!({"Enabled": !items.is_empty(), "Quantity": items.len(), "Items": items}),
                );
            }
            ("ResponseCode", Value::Number(code)) => drop(made.insert(renamed.into(), json!(code.to_string()))),
            ("Logging", Value::Object(_)) => {
                let mut logging = of(value);
                logging["Enabled"] = json!(true);
                made.insert(renamed.into(), logging);
            }
            (_, Value::Array(items)) => drop(made.insert(renamed.into(), list(items))),
            _ => drop(made.insert(renamed.into(), of(value))),
        }
    }
    // In operations the methods that are cached are a part of those that are allowed.
    if let Some(cached) = made.remove("CachedMethods") {
        let allowed = made.entry("AllowedMethods").or_insert_with(|| list(&[json!("GET"), json!("HEAD")]));
        allowed["CachedMethods"] = cached;
    }
    Value::Object(made)
}

fn list(items: &[Value]) -> Value {
    json!({"Quantity": items.len(), "Items": items.iter().map(of).collect::<Value>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_get_their_lengths_and_members_their_names() {
        let template = json!({
            "Aliases": ["a"], "IPV6Enabled": true,
            "DefaultCacheBehavior": {
                "AllowedMethods": ["GET", "HEAD"], "CachedMethods": ["GET", "HEAD"], "TrustedKeyGroups": ["k"],
            },
            "OriginGroups": {"Quantity": 0, "Items": []},
            "CustomErrorResponses": [{"ErrorCode": 404, "ResponseCode": 200}],
            "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Locations": []}},
        });
        let list = |items: Value| json!({"Quantity": items.as_array().unwrap().len(), "Items": items});
        let mut methods = list(json!(["GET", "HEAD"]));
        methods["CachedMethods"] = list(json!(["GET", "HEAD"]));
        let expected = json!({
            "Aliases": list(json!(["a"])), "IsIPV6Enabled": true,
            "DefaultCacheBehavior": {
                "AllowedMethods": methods, "TrustedKeyGroups": {"Enabled": true, "Quantity": 1, "Items": ["k"]},
            },
            "OriginGroups": list(json!([])),
            "CustomErrorResponses": list(json!([{"ErrorCode": 404, "ResponseCode": "200"}])),
            "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0, "Items": []}},
        });
        assert_eq!(of(&template), expected);
    }
}
