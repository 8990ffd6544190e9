//! What a bucket has beside its name: each a document of its own in S3, which templates write in their own words.

use serde_json::{Map, Value, json};

use super::super::shape::{Field, Shape, TEXTS};
use super::super::{Cx, Properties, Result};
use super::notifications;

pub const ENCRYPTION: Shape = Shape::Struct(&[(
    "ServerSideEncryptionConfiguration",
    Shape::List(&Shape::Struct(&[
        ("BucketKeyEnabled", Shape::Boolean),
        ("ServerSideEncryptionByDefault", ENCRYPTION_BY_DEFAULT),
    ])),
)]);
const ENCRYPTION_BY_DEFAULT: Shape = Shape::Struct(&[("SSEAlgorithm", Shape::Text), ("KMSMasterKeyID", Shape::Text)]);
pub const CORS: Shape = Shape::Struct(&[(
    "CorsRules",
    Shape::List(&Shape::Struct(&[
        ("AllowedHeaders", TEXTS),
        ("AllowedMethods", TEXTS),
        ("AllowedOrigins", TEXTS),
        ("ExposedHeaders", TEXTS),
        ("Id", Shape::Text),
        ("MaxAge", Shape::Integer),
    ])),
)]);
pub const LIFECYCLE: Shape = Shape::Struct(&[
    ("Rules", Shape::List(&Shape::Struct(LIFECYCLE_RULE))),
    ("TransitionDefaultMinimumObjectSize", Shape::Text),
]);
const LIFECYCLE_RULE: &[Field] = &[
    ("AbortIncompleteMultipartUpload", Shape::Struct(&[("DaysAfterInitiation", Shape::Integer)])),
    ("ExpirationDate", Shape::Text),
    ("ExpirationInDays", Shape::Integer),
    ("ExpiredObjectDeleteMarker", Shape::Boolean),
    ("Id", Shape::Text),
    (
        "NoncurrentVersionExpiration",
        Shape::Struct(&[("NoncurrentDays", Shape::Integer), ("NewerNoncurrentVersions", Shape::Integer)]),
    ),
    ("NoncurrentVersionExpirationInDays", Shape::Integer),
    ("NoncurrentVersionTransition", NONCURRENT_TRANSITION),
    ("NoncurrentVersionTransitions", Shape::List(&NONCURRENT_TRANSITION)),
    ("ObjectSizeGreaterThan", Shape::Integer),
    ("ObjectSizeLessThan", Shape::Integer),
    ("Prefix", Shape::Text),
    ("Status", Shape::Text),
    ("TagFilters", super::super::shape::TAGS),
    ("Transition", TRANSITION),
    ("Transitions", Shape::List(&TRANSITION)),
];
const TRANSITION: Shape = Shape::Struct(&[
    ("StorageClass", Shape::Text),
    ("TransitionDate", Shape::Text),
    ("TransitionInDays", Shape::Integer),
]);
const NONCURRENT_TRANSITION: Shape = Shape::Struct(&[
    ("StorageClass", Shape::Text),
    ("TransitionInDays", Shape::Integer),
    ("NewerNoncurrentVersions", Shape::Integer),
]);
pub const LOGGING: Shape = Shape::Struct(&[
    ("DestinationBucketName", Shape::Text),
    ("LogFilePrefix", Shape::Text),
    ("TargetObjectKeyFormat", Shape::Json),
]);
pub const OBJECT_LOCK: Shape = Shape::Struct(&[
    ("ObjectLockEnabled", Shape::Text),
    (
        "Rule",
        Shape::Struct(&[(
            "DefaultRetention",
            Shape::Struct(&[("Days", Shape::Integer), ("Mode", Shape::Text), ("Years", Shape::Integer)]),
        )]),
    ),
]);
pub const OWNERSHIP: Shape =
    Shape::Struct(&[("Rules", Shape::List(&Shape::Struct(&[("ObjectOwnership", Shape::Text)])))]);
pub const PUBLIC_ACCESS: Shape = Shape::Struct(&[
    ("BlockPublicAcls", Shape::Boolean),
    ("BlockPublicPolicy", Shape::Boolean),
    ("IgnorePublicAcls", Shape::Boolean),
    ("RestrictPublicBuckets", Shape::Boolean),
]);
pub const VERSIONING: Shape = Shape::Struct(&[("Status", Shape::Text)]);
pub const WEBSITE: Shape = Shape::Struct(&[
    ("ErrorDocument", Shape::Text),
    ("IndexDocument", Shape::Text),
    ("RedirectAllRequestsTo", Shape::Struct(&[("HostName", Shape::Text), ("Protocol", Shape::Text)])),
    (
        "RoutingRules",
        Shape::List(&Shape::Struct(&[
            (
                "RedirectRule",
                Shape::Struct(&[
                    ("HostName", Shape::Text),
                    ("HttpRedirectCode", Shape::Text),
                    ("Protocol", Shape::Text),
                    ("ReplaceKeyPrefixWith", Shape::Text),
                    ("ReplaceKeyWith", Shape::Text),
                ]),
            ),
            (
                "RoutingRuleCondition",
                Shape::Struct(&[("HttpErrorCodeReturnedEquals", Shape::Text), ("KeyPrefixEquals", Shape::Text)]),
            ),
        ])),
    ),
]);

/// A document of a bucket's.
struct Setting {
    property: &'static str,
    put: &'static str,
    /// The input of `put`, for a bucket and the property's value.
    input: fn(&str, &Value) -> Value,
    absent: Absent,
}

/// What becomes of a document whose property was taken away: the bucket is as one that never had it.
enum Absent {
    /// This operation takes it away.
    Deleted(&'static str),
    /// This one is put instead.
    Put(fn() -> Value),
}

/// In an order in which they can be put: ACLs want an ownership that has them, and locks want versions.
const SETTINGS: &[Setting] = &[
    Setting {
        property: "OwnershipControls",
        put: "PutBucketOwnershipControls",
        input: |_, value| json!({"OwnershipControls": value}),
        absent: Absent::Put(|| json!({"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}})),
    },
    Setting {
        property: "PublicAccessBlockConfiguration",
        put: "PutPublicAccessBlock",
        input: |_, value| json!({"PublicAccessBlockConfiguration": value}),
        absent: Absent::Put(all_blocked),
    },
    Setting {
        property: "AccessControl",
        put: "PutBucketAcl",
        input: |_, value| json!({"ACL": canned_acl(value)}),
        absent: Absent::Put(|| json!({"ACL": "private"})),
    },
    Setting {
        property: "VersioningConfiguration",
        put: "PutBucketVersioning",
        input: |_, value| json!({"VersioningConfiguration": value}),
        // Versions that are there stay: nothing goes back to how it never was.
        absent: Absent::Put(|| json!({"VersioningConfiguration": {"Status": "Suspended"}})),
    },
    Setting {
        property: "ObjectLockConfiguration",
        put: "PutObjectLockConfiguration",
        input: |_, value| json!({"ObjectLockConfiguration": value}),
        absent: Absent::Put(|| json!({"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}})),
    },
    Setting {
        property: "BucketEncryption",
        put: "PutBucketEncryption",
        input: |_, value| json!({"ServerSideEncryptionConfiguration": encryption(value)}),
        absent: Absent::Deleted("DeleteBucketEncryption"),
    },
    Setting {
        property: "LifecycleConfiguration",
        put: "PutBucketLifecycleConfiguration",
        input: |_, value| lifecycle(value),
        absent: Absent::Deleted("DeleteBucketLifecycle"),
    },
    Setting {
        property: "CorsConfiguration",
        put: "PutBucketCors",
        input: |_, value| json!({"CORSConfiguration": cors(value)}),
        absent: Absent::Deleted("DeleteBucketCors"),
    },
    Setting {
        property: "WebsiteConfiguration",
        put: "PutBucketWebsite",
        input: |_, value| json!({"WebsiteConfiguration": website(value)}),
        absent: Absent::Deleted("DeleteBucketWebsite"),
    },
    Setting {
        property: "LoggingConfiguration",
        put: "PutBucketLogging",
        input: |bucket, value| json!({"BucketLoggingStatus": {"LoggingEnabled": logging(bucket, value)}}),
        absent: Absent::Put(|| json!({"BucketLoggingStatus": {}})),
    },
    Setting {
        property: "Tags",
        put: "PutBucketTagging",
        input: |_, value| json!({"Tagging": {"TagSet": value}}),
        absent: Absent::Deleted("DeleteBucketTagging"),
    },
    Setting {
        property: "NotificationConfiguration",
        put: "PutBucketNotificationConfiguration",
        input: |_, value| json!({"NotificationConfiguration": notifications::configuration(value)}),
        absent: Absent::Put(|| json!({"NotificationConfiguration": {}})),
    },
];

/// Brings a bucket from what it was made of to what is wanted.
pub async fn change(cx: &Cx<'_>, bucket: &str, old: &Properties, wanted: &Properties) -> Result<()> {
    for setting in SETTINGS {
        let (before, after) = (old.get(setting.property), wanted.get(setting.property));
        if before == after {
            continue;
        }
        let (operation, mut input) = match (after, &setting.absent) {
            (Some(value), _) => (setting.put, (setting.input)(bucket, value)),
            (None, Absent::Deleted(operation)) => (*operation, json!({})),
            (None, Absent::Put(input)) => (setting.put, input()),
        };
        input["Bucket"] = json!(bucket);
        cx.call("s3", operation, input).await?;
    }
    Ok(())
}

fn all_blocked() -> Value {
    let names = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    json!({"PublicAccessBlockConfiguration": Map::from_iter(names.map(|name| (name.to_owned(), json!(true))))})
}

/// `BucketOwnerRead` is `bucket-owner-read`.
fn canned_acl(value: &Value) -> String {
    let mut acl = String::new();
    for c in value.as_str().unwrap_or_default().chars() {
        if c.is_ascii_uppercase() && !acl.is_empty() {
            acl.push('-');
        }
        acl.push(c.to_ascii_lowercase());
    }
    acl
}

/// The same object with other names for its members.
fn renamed(value: &Value, names: &[(&str, &str)]) -> Map<String, Value> {
    let members = value.as_object().into_iter().flatten();
    let name = |given: &String| {
        names.iter().find(|(from, _)| from == given).map_or_else(|| given.clone(), |(_, to)| (*to).to_owned())
    };
    members.map(|(given, value)| (name(given), value.clone())).collect()
}

/// The items of a list, each made anew.
pub fn each(value: &Value, name: &str, item: impl Fn(&Value) -> Value) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten().map(item).collect()
}

fn encryption(value: &Value) -> Value {
    let names = [("ServerSideEncryptionByDefault", "ApplyServerSideEncryptionByDefault")];
    json!({"Rules": each(value, "ServerSideEncryptionConfiguration", |rule| renamed(rule, &names).into())})
}

fn cors(value: &Value) -> Value {
    let names = [("ExposedHeaders", "ExposeHeaders"), ("Id", "ID"), ("MaxAge", "MaxAgeSeconds")];
    json!({"CORSRules": each(value, "CorsRules", |rule| renamed(rule, &names).into())})
}

/// A bucket that logs into itself need not name itself.
fn logging(bucket: &str, value: &Value) -> Value {
    let names = [("DestinationBucketName", "TargetBucket"), ("LogFilePrefix", "TargetPrefix")];
    let mut logging = renamed(value, &names);
    logging.entry("TargetBucket").or_insert_with(|| json!(bucket));
    logging.entry("TargetPrefix").or_insert_with(|| json!(""));
    logging.into()
}

fn website(value: &Value) -> Value {
    let mut website = Map::new();
    let names = [("RedirectRule", "Redirect"), ("RoutingRuleCondition", "Condition")];
    for (name, given) in value.as_object().into_iter().flatten() {
        website.insert(
            name.clone(),
            match name.as_str() {
                "ErrorDocument" => json!({"Key": given}),
                "IndexDocument" => json!({"Suffix": given}),
                "RoutingRules" => each(value, name, |rule| renamed(rule, &names).into()).into(),
                _ => given.clone(),
            },
        );
    }
    website.into()
}

fn lifecycle(value: &Value) -> Value {
    let mut input = json!({"LifecycleConfiguration": {"Rules": each(value, "Rules", lifecycle_rule)}});
    if let Some(size) = value.get("TransitionDefaultMinimumObjectSize") {
        input["TransitionDefaultMinimumObjectSize"] = size.clone();
    }
    input
}

fn lifecycle_rule(given: &Value) -> Value {
    let mut rule = Map::new();
    let of = |name: &str| given.get(name).cloned();
    rule.extend(of("Id").map(|id| ("ID".to_owned(), id)));
    rule.extend(of("Status").map(|status| ("Status".to_owned(), status)));
    rule.insert("Filter".into(), lifecycle_filter(given));
    let expiration = some([
        ("Date", of("ExpirationDate")),
        ("Days", of("ExpirationInDays")),
        ("ExpiredObjectDeleteMarker", of("ExpiredObjectDeleteMarker")),
    ]);
    if !expiration.is_empty() {
        rule.insert("Expiration".into(), expiration.into());
    }
    let noncurrent = of("NoncurrentVersionExpiration")
        .or_else(|| of("NoncurrentVersionExpirationInDays").map(|days| json!({"NoncurrentDays": days})));
    rule.extend(noncurrent.map(|expiration| ("NoncurrentVersionExpiration".to_owned(), expiration)));
    rule.extend(of("AbortIncompleteMultipartUpload").map(|abort| ("AbortIncompleteMultipartUpload".to_owned(), abort)));
    let names = [("TransitionDate", "Date"), ("TransitionInDays", "Days")];
    transitions(&mut rule, given, ("Transition", "Transitions"), &names);
    let names = [("TransitionInDays", "NoncurrentDays")];
    transitions(&mut rule, given, ("NoncurrentVersionTransition", "NoncurrentVersionTransitions"), &names);
    rule.into()
}

/// Templates have a member for one transition, and another for several.
fn transitions(rule: &mut Map<String, Value>, given: &Value, (one, several): (&str, &str), names: &[(&str, &str)]) {
    let mut all = each(given, several, |transition| renamed(transition, names).into());
    all.extend(given.get(one).map(|transition| renamed(transition, names).into()));
    if !all.is_empty() {
        rule.insert(several.into(), all.into());
    }
}

/// What a rule is about, where templates have members of the rule: several conditions are joined by `And`.
fn lifecycle_filter(given: &Value) -> Value {
    let of = |name: &str| given.get(name).cloned();
    let tags = given.get("TagFilters").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut filter = some([
        ("Prefix", of("Prefix")),
        ("ObjectSizeGreaterThan", of("ObjectSizeGreaterThan")),
        ("ObjectSizeLessThan", of("ObjectSizeLessThan")),
    ]);
    match (filter.len(), tags.as_slice()) {
        (0, []) => json!({"Prefix": ""}),
        (1, []) => filter.into(),
        (0, [tag]) => json!({"Tag": tag}),
        (_, []) => json!({"And": filter}),
        _ => {
            filter.insert("Tags".into(), tags.into());
            json!({"And": filter})
        }
    }
}

fn some<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_filtered_by_what_templates_say_of_them() {
        let filter = |rule: Value| lifecycle_filter(&rule);
        let tag = json!({"Key": "a", "Value": "b"});
        assert_eq!(filter(json!({})), json!({"Prefix": ""}));
        assert_eq!(filter(json!({"Prefix": "logs/"})), json!({"Prefix": "logs/"}));
        assert_eq!(filter(json!({"TagFilters": [tag]})), json!({"Tag": tag}));
        assert_eq!(filter(json!({"Prefix": "x", "TagFilters": [tag]})), json!({"And": {"Prefix": "x", "Tags": [tag]}}));
        assert_eq!(
            filter(json!({"ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 9})),
            json!({"And": {"ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 9}})
        );
    }

    #[test]
    fn acls_have_another_spelling() {
        assert_eq!(canned_acl(&json!("BucketOwnerFullControl")), "bucket-owner-full-control");
        assert_eq!(canned_acl(&json!("Private")), "private");
    }
}
