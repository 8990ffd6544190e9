//! Keys that services manage for an account: `alias/aws/s3`. Each is made at its first use.

use base::Arn;
use serde_json::json;
use service::Cx;

use crate::Kms;
use crate::error::Error;
use crate::model::{alias, key, material};
use crate::ops::{self, new_material};
use crate::spec::{Spec, Usage};
use crate::types::Key;

/// The services that have one, and what it protects.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key>
const SERVICES: [(&str, &str); 9] = [
    ("dynamodb", "my DynamoDB tables"),
    ("kinesis", "my Kinesis streams"),
    ("lambda", "my Lambda functions' environment variables"),
    ("logs", "my log groups"),
    ("s3", "my S3 objects"),
    ("secretsmanager", "my Secrets Manager secrets"),
    ("sns", "my SNS messages"),
    ("sqs", "my SQS messages"),
    ("ssm", "my SSM parameters"),
];

/// The service whose key a request names, if it is one's: `alias/aws/s3`, or the alias's ARN here.
pub fn service_of(cx: &Cx, text: &str) -> Option<&'static str> {
    let own = cx.arn("kms", "");
    let name = match text.parse::<Arn>() {
        Ok(arn) if arn.region == own.region && arn.account == own.account => arn.resource,
        Ok(_) => return None,
        Err(_) => text.to_owned(),
    };
    let name = name.strip_prefix(alias::AWS_PREFIX)?;
    SERVICES.iter().find(|(service, _)| *service == name).map(|(service, _)| *service)
}

/// Who may use it: everybody in the account, through the service.
pub fn policy(cx: &Cx, service: &str) -> String {
    let account = cx.account();
    json!({
        "Version": "2012-10-17",
        "Id": format!("auto-{service}-1"),
        "Statement": [
            {
                "Sid": format!("Allow access through {service} for all principals in the account that are authorized to use it"),
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:CallerAccount": account, "kms:ViaService": via(cx, service)}},
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    })
    .to_string()
}

/// A service as `kms:ViaService` calls it.
pub fn via(cx: &Cx, service: &str) -> String {
    format!("{service}.{}.amazonaws.com", cx.region())
}

/// Makes a service's key, or finds the one that another request made meanwhile.
pub async fn make(kms: &Kms, cx: &Cx, text: &str) -> Result<Key, Error> {
    let service = service_of(cx, text).ok_or_else(|| Error::NotFound(format!("Alias {text} is not found.")))?;
    let what = SERVICES.iter().find(|(name, _)| *name == service).map_or(service, |(_, what)| *what);
    let id = cx.env().uuid();
    let new = Key {
        arn: ops::arn(cx)(&format!("{}{id}", key::PREFIX)),
        id,
        created: cx.now(),
        description: format!("Default key that protects {what} when no other key is defined"),
        usage: Usage::Encrypt,
        spec: Spec::Symmetric,
        external: false,
        manager: Some(service.to_owned()),
        enabled: true,
        deletion: None,
        policy: policy(cx, service),
        tags: Default::default(),
        rotation: None,
        on_demand_rotations: 0,
        current: Some(1),
        pending: None,
        regions: None,
        deletion_after_replicas: None,
    };
    let material = new_material(kms, cx, &new, 1)?;
    let (name, now) = (ops::arn(cx)(&format!("{}{service}", alias::AWS_PREFIX)), cx.now());
    cx.db()
        .write(move |tx| {
            if let Some(made) = alias::get(tx, &name.region, &name.resource)? {
                return key::get(tx, &Arn { resource: format!("{}{}", key::PREFIX, made.key), ..name.clone() });
            }
            key::put(tx, &new)?;
            material::put(tx, &new, 1, &material)?;
            alias::create(tx, now, &name, &new.arn)?;
            material::schedule(tx, now, &new.arn, Some(crate::limits::ROTATION_DAYS))?;
            key::get(tx, &new.arn)
        })
        .await
}
