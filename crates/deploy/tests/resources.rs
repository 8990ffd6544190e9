//! Every resource type made, changed and deleted: the calls it takes, as they were checked against the service models.
//! `UPDATE_EXPECTED=1 cargo test -p deploy` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
// One answer for all operations is a deep expression.
#![recursion_limit = "256"]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use deploy::{CallError, Cloud, Packages, Template};
use serde_json::{Value, json};

/// Answers every operation with whatever any of them would be asked for, and notes what it was given.
#[derive(Default)]
struct Recorder {
    calls: Mutex<Vec<String>>,
    state: Mutex<Option<Value>>,
}

#[async_trait]
impl Cloud for Recorder {
    async fn call(&self, service: &str, operation: &str, mut input: Value) -> Result<Value, CallError> {
        for code in ["/Code/ZipFile", "/Content/ZipFile", "/ZipFile"] {
            if let Some(zip) = input.pointer_mut(code) {
                *zip = json!("emlw");
            }
        }
        let mut calls = self.calls.lock().unwrap();
        calls.push(format!("{service}:{operation} {input}"));
        let table_gone = operation == "DescribeTable" && calls.iter().any(|call| call.contains("DeleteTable"));
        let none_yet = ["HeadBucket", "GetBucketPolicy"].contains(&operation);
        let no_stage = operation == "GetStage" && !calls.iter().any(|call| call.contains("CreateDeployment"));
        let no_domain = operation == "GetDomainName"
            && !calls.iter().any(|call| call.contains(r#"CreateDomainName {"domainName":"shared.example.com""#));
        if table_gone || no_stage || none_yet || no_domain {
            return Err(CallError::new("NotFoundException", "it is not there", 404));
        }
        let name = |member: &str| input.get(member).cloned().unwrap_or_default();
        let count = calls.len();
        let (id, arn) = (format!("id{count}"), format!("arn:aws:{service}:us-east-1:000000000000:thing:{count}"));
        Ok(json!({
            "QueueUrl": "http://127.0.0.1:4566/000000000000/q",
            "Table": {"TableStatus": "ACTIVE", "TableArn": arn, "LatestStreamArn": "arn:stream"},
            "Role": {"Arn": arn, "RoleId": id}, "User": {"Arn": arn, "Username": "u"}, "Policy": {"Arn": arn}, "Group": {"Arn": arn}, "InstanceProfile": {"Arn": arn},
            "AccessKey": {"AccessKeyId": id, "SecretAccessKey": "secret"},
            "Versions": [{"VersionId": "v1", "IsDefaultVersion": false}, {"VersionId": "v2", "IsDefaultVersion": true}],
            "Arn": arn, "TopicArn": arn, "SubscriptionArn": arn, "RuleArn": arn, "ScheduleArn": arn, "ScheduleGroupArn": arn, "EventBusArn": arn, "ArchiveArn": arn, "ConnectionArn": arn, "SecretArn": arn, "ApiDestinationArn": arn,
            "FunctionArn": arn, "FunctionUrl": "http://url/", "Version": count.to_string(), "AliasArn": arn, "LayerVersionArn": arn, "UUID": id,
            "ETag": format!("E{count}"), "Distribution": {"Id": id, "DomainName": "d.cloudfront.localhost"},
            "CachePolicy": {"Id": id}, "OriginRequestPolicy": {"Id": id}, "ResponseHeadersPolicy": {"Id": id}, "OriginAccessControl": {"Id": id},
            "CloudFrontOriginAccessIdentity": {"Id": id, "S3CanonicalUserId": "c"}, "PublicKey": {"Id": id}, "KeyGroup": {"Id": id},
            "DistributionConfig": {"CallerReference": "reference", "Enabled": true},
            "UserPool": {"Id": id, "Arn": arn, "Issuer": "http://issuer"}, "UserPoolClient": {"ClientId": id, "ClientName": "c", "ClientSecret": "s"},
            "KeyMetadata": {"KeyId": id, "Arn": arn}, "ARN": arn, "RandomPassword": "random",
            "Parameter": {"Type": "String", "Value": "looked up"}, "SecretString": "{\"password\": \"looked up\"}",
            "Consumer": {"ConsumerARN": arn, "ConsumerCreationTimestamp": 1},
            "IdentityPoolId": id, "IdentityPoolName": "i", "OpenIDConnectProviderArn": arn,
            "apiId": id, "apiEndpoint": "http://api", "integrationId": id, "authorizerId": id, "routeId": id,
            "LambdaFunctionConfigurations": [{"Id": "of-another", "Events": []}],
            "domainName": name("domainName"), "domainNameArn": arn, "regionalDomainName": "d-1", "regionalHostedZoneId": "z",
            "domainNameConfigurations": [{"apiGatewayDomainName": "d-1", "hostedZoneId": "z"}], "tags": {"cloudlet:made-by-deploy": "true"},
            "apiMappingId": id, "basePath": input.get("basePath").cloned().unwrap_or(json!("(none)")), "items": [],
            "Id": id, "Url": "http://url",
            "id": id, "rootResourceId": "root", "deploymentId": name("deploymentId"),
        }))
    }

    async fn send(&self, service: &str, operation: &str, input: Value, body: &[u8]) -> Result<Value, CallError> {
        self.call(service, operation, json!({"Input": input, "Bytes": body.len()})).await
    }

    fn account(&self) -> &str {
        "000000000000"
    }

    fn region(&self) -> &str {
        "us-east-1"
    }

    fn endpoint(&self) -> &str {
        "http://127.0.0.1:4566"
    }

    async fn load_stack(&self, _: &str) -> Result<Option<Value>, CallError> {
        Ok(self.state.lock().unwrap().clone())
    }

    async fn save_stack(&self, _: &str, state: &Value) -> Result<(), CallError> {
        *self.state.lock().unwrap() = Some(state.clone());
        Ok(())
    }

    async fn delete_stack(&self, _: &str) -> Result<(), CallError> {
        *self.state.lock().unwrap() = None;
        Ok(())
    }

    async fn list_stacks(&self) -> Result<Vec<String>, CallError> {
        Ok(self.state.lock().unwrap().iter().map(|_| "all".to_string()).collect())
    }

    async fn load_package(&self, sha256: &str) -> Result<Option<Vec<u8>>, CallError> {
        Ok((sha256 == "site-after").then(|| zip(SITE_AFTER)))
    }

    async fn save_package(&self, _: &str, _: &[u8]) -> Result<(), CallError> {
        Ok(())
    }

    async fn delete_package(&self, _: &str) -> Result<(), CallError> {
        Ok(())
    }
}

/// Files of a site, before and after it has changed.
const SITE_BEFORE: &[&str] = &["index.html", "main.3f2a9c1b.js", "old.css"];
const SITE_AFTER: &[&str] = &["index.html", "main.3f2a9c1b.js", "a b.txt"];

fn zip(names: &[&str]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(name.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn every_type_is_made_changed_and_deleted() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/resources");
    let cloud = Recorder::default();
    let env = base::Env::simulated(1, base::Timestamp(0));
    let packages = [("package", b"zip".to_vec()), ("site", zip(SITE_BEFORE)), ("site-after", zip(SITE_AFTER))];
    let packages = Packages(packages.map(|(name, bytes)| (name.to_string(), bytes)).into());
    let mut report = String::new();
    let mut note = |what: &str| {
        let calls = std::mem::take(&mut *cloud.calls.lock().unwrap());
        report.push_str(&format!("# {what}\n{}\n", calls.join("\n")));
    };
    for name in ["before", "after"] {
        let template: Value =
            serde_json::from_str(&fs::read_to_string(data.join(format!("{name}.json"))).unwrap()).unwrap();
        let template = Template::from_json(&template).unwrap();
        let plan = support::run(deploy::plan(template, "all", BTreeMap::new(), &cloud)).unwrap();
        support::run(deploy::apply(plan, &packages, &cloud, &env, &mut |_| {})).unwrap();
        note(name);
    }
    support::run(deploy::remove("all", &cloud, &env, &mut |_| {})).unwrap();
    note("removed");
    support::expect(&data.join("calls.txt"), &report);
}
