//! Both services from outside: operations by name, access keys, and decisions.

mod passwords;
mod sessions;

use std::sync::Arc;

use base::{AccountId, Env, Region, Timestamp};
use kv::{Db, Memory};
use serde_json::{Value, json};
use service::{Caller, Cloud, Credential, CredentialError, Cx, Permission};

use crate::{Config, Identity, Mode, RootKey, iam, sts};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t";

struct World {
    cloud: Arc<Cloud>,
    env: Env,
}

impl World {
    async fn new() -> World {
        World::of(Mode::Enforce).await
    }

    async fn of(mode: Mode) -> World {
        let (db, env) = (Db::open(Memory::new()), Env::simulated(1, Timestamp::from_secs(1_700_000_000)));
        let account = AccountId::new("000000000000");
        let root = RootKey { access_key_id: "AKIAROOT".into(), secret: "root-secret".into() };
        let config = Config { mode, ..Config::new(account.clone(), vec![root]) };
        let identity = Identity::open(db.clone(), &env, config).await.unwrap();
        let cloud = Cloud::builder(
            db,
            env.clone(),
            account,
            Region::new("us-east-1"),
            "http://localhost:4566".into(),
            identity.clone(),
        )
        .service(iam(identity.clone()))
        .service(sts(identity))
        .build();
        World { cloud, env }
    }

    fn cx(&self, caller: Caller) -> Cx {
        self.cloud.cx(caller, Region::new("us-east-1"), None)
    }

    async fn call_as(&self, caller: &Caller, operation: &str, input: Value) -> Result<Value, service::Error> {
        let service = if self.cloud.service("sts").unwrap().operation(operation).is_some() { "sts" } else { "iam" };
        self.cloud.call(self.cx(caller.clone()), service, operation, input).await
    }

    /// As the account itself.
    async fn call(&self, operation: &str, input: Value) -> Result<Value, service::Error> {
        self.call_as(&Caller::root(self.cloud.account()), operation, input).await
    }

    async fn refused(&self, operation: &str, input: Value) -> String {
        self.call(operation, input).await.unwrap_err().to_string()
    }

    /// Makes a user with an access key, and finds who its key belongs to.
    async fn user(&self, name: &str) -> Caller {
        self.call("CreateUser", json!({"UserName": name})).await.unwrap();
        let key = self.call("CreateAccessKey", json!({"UserName": name})).await.unwrap();
        let id = key["AccessKey"]["AccessKeyId"].as_str().unwrap();
        self.credential(id, None).unwrap().caller
    }

    async fn role(&self, name: &str, trusted: Value) {
        let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}});
        let input = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
        self.call("CreateRole", input).await.unwrap();
    }

    /// Allows a user or role something, inline.
    async fn allow(&self, operation: &str, name: &str, action: &str, resource: &str) {
        let input = json!({"UserName": name, "PolicyName": "p", "PolicyDocument": allow(action, resource)});
        self.call(operation, input).await.unwrap();
    }

    fn credential(&self, id: &str, token: Option<&str>) -> Result<Credential, CredentialError> {
        self.cloud.access().credential(id, token, self.env.now())
    }

    /// The credential that an answer with `Credentials` gives.
    fn session(&self, answer: &Value) -> Result<Credential, CredentialError> {
        let credentials = &answer["Credentials"];
        let found =
            self.credential(credentials["AccessKeyId"].as_str().unwrap(), credentials["SessionToken"].as_str())?;
        assert_eq!(found.secret, credentials["SecretAccessKey"]);
        Ok(found)
    }

    fn may(&self, caller: &Caller, action: &str) -> bool {
        self.cx(caller.clone()).authorize(&Permission::new(action, TABLE)).is_ok()
    }
}

fn allow(action: &str, resource: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})
        .to_string()
}

fn assume(role: &str) -> Value {
    json!({"RoleArn": format!("arn:aws:iam::000000000000:role/{role}"), "RoleSessionName": "session"})
}

#[tokio::test]
async fn users_come_and_go() {
    let world = World::new().await;
    let created = world
        .call("CreateUser", json!({"UserName": "Ann", "Path": "/team/", "Tags": [{"Key": "a", "Value": "b"}]}))
        .await
        .unwrap();
    assert_eq!(created["User"]["Arn"], "arn:aws:iam::000000000000:user/team/Ann");
    assert_eq!(created["User"]["UserId"].as_str().unwrap().len(), 21);
    assert_eq!(
        world.refused("CreateUser", json!({"UserName": "ann"})).await,
        "EntityAlreadyExists: User with name ann already exists."
    );
    assert_eq!(
        world.refused("GetUser", json!({"UserName": "ann"})).await,
        "NoSuchEntity: The user with name ann cannot be found."
    );
    let got = world.call("GetUser", json!({"UserName": "Ann"})).await.unwrap();
    assert_eq!(got["User"]["Tags"], json!([{"Key": "a", "Value": "b"}]));
    world.call("TagUser", json!({"UserName": "Ann", "Tags": [{"Key": "c", "Value": "d"}]})).await.unwrap();
    world.call("UntagUser", json!({"UserName": "Ann", "TagKeys": ["a"]})).await.unwrap();
    assert_eq!(
        world.call("ListUserTags", json!({"UserName": "Ann"})).await.unwrap()["Tags"],
        json!([{"Key": "c", "Value": "d"}])
    );

    world.call("TagUser", json!({"UserName": "Ann", "Tags": [{"Key": "C", "Value": "e"}]})).await.unwrap();
    assert_eq!(
        world.call("ListUserTags", json!({"UserName": "Ann"})).await.unwrap()["Tags"],
        json!([{"Key": "C", "Value": "e"}])
    );
    world.call("UntagUser", json!({"UserName": "Ann", "TagKeys": ["c"]})).await.unwrap();
    assert_eq!(world.call("ListUserTags", json!({"UserName": "Ann"})).await.unwrap()["Tags"], json!([]));

    world.call("CreateUser", json!({"UserName": "bob"})).await.unwrap();
    let page = world.call("ListUsers", json!({"MaxItems": 1})).await.unwrap();
    assert_eq!((&page["Users"][0]["UserName"], &page["IsTruncated"]), (&json!("Ann"), &json!(true)));
    let page = world.call("ListUsers", json!({"Marker": page["Marker"]})).await.unwrap();
    assert_eq!((&page["Users"][0]["UserName"], &page["IsTruncated"]), (&json!("bob"), &json!(false)));
    assert_eq!(
        world.call("ListUsers", json!({"PathPrefix": "/team/"})).await.unwrap()["Users"].as_array().unwrap().len(),
        1
    );

    let key = world.call("CreateAccessKey", json!({"UserName": "Ann"})).await.unwrap();
    let id = key["AccessKey"]["AccessKeyId"].clone();
    assert_eq!(
        world.refused("DeleteUser", json!({"UserName": "Ann"})).await,
        "DeleteConflict: Cannot delete entity, must delete access keys first."
    );
    world.call("DeleteAccessKey", json!({"UserName": "Ann", "AccessKeyId": id})).await.unwrap();
    world.call("DeleteUser", json!({"UserName": "Ann"})).await.unwrap();
    assert!(world.refused("GetUser", json!({"UserName": "Ann"})).await.starts_with("NoSuchEntity"));
}

#[tokio::test]
async fn access_keys_work_until_they_do_not() {
    let world = World::new().await;
    world.call("CreateUser", json!({"UserName": "ann"})).await.unwrap();
    let key = world.call("CreateAccessKey", json!({"UserName": "ann"})).await.unwrap();
    let id = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    assert_eq!((id.len(), &id[..4], key["AccessKey"]["SecretAccessKey"].as_str().unwrap().len()), (20, "AKIA", 40));
    let found = world.credential(&id, None).unwrap();
    assert_eq!(key["AccessKey"]["SecretAccessKey"], found.secret);
    assert_eq!(found.caller.arn.to_string(), "arn:aws:iam::000000000000:user/ann");
    assert_eq!(world.credential(&id, Some("token")).unwrap_err(), CredentialError::Unknown);

    let status = |status: &str| json!({"UserName": "ann", "AccessKeyId": id, "Status": status});
    world.call("UpdateAccessKey", status("Inactive")).await.unwrap();
    assert_eq!(world.credential(&id, None).unwrap_err(), CredentialError::Unknown);
    let listed = world.call("ListAccessKeys", json!({"UserName": "ann"})).await.unwrap();
    assert_eq!(listed["AccessKeyMetadata"][0]["Status"], "Inactive");
    assert!(listed["AccessKeyMetadata"][0].get("SecretAccessKey").is_none());
    world.call("UpdateAccessKey", status("Active")).await.unwrap();
    assert!(world.credential(&id, None).is_ok());
    assert!(world.refused("UpdateAccessKey", status("Gone")).await.starts_with("ValidationError"));

    world.call("CreateAccessKey", json!({"UserName": "ann"})).await.unwrap();
    assert_eq!(
        world.refused("CreateAccessKey", json!({"UserName": "ann"})).await,
        "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"
    );
    world.call("DeleteAccessKey", json!({"UserName": "ann", "AccessKeyId": id})).await.unwrap();
    assert_eq!(world.credential(&id, None).unwrap_err(), CredentialError::Unknown);
    let root = world.credential("AKIAROOT", None).unwrap();
    assert_eq!((root.secret.as_str(), root.caller), ("root-secret", Caller::root(world.cloud.account())));
    assert_eq!(world.credential("AKIANOBODY", None).unwrap_err(), CredentialError::Unknown);
}

#[tokio::test]
async fn changes_of_policies_apply_at_once() {
    let world = World::new().await;
    let ann = world.user("ann").await;
    assert!(!world.may(&ann, "dynamodb:GetItem"));
    world.allow("PutUserPolicy", "ann", "dynamodb:GetItem", TABLE).await;
    assert!(world.may(&ann, "dynamodb:GetItem"));
    assert!(!world.may(&ann, "dynamodb:PutItem"));
    world.call("DeleteUserPolicy", json!({"UserName": "ann", "PolicyName": "p"})).await.unwrap();
    assert!(!world.may(&ann, "dynamodb:GetItem"));

    let policy = world
        .call("CreatePolicy", json!({"PolicyName": "readers", "PolicyDocument": allow("dynamodb:Get*", "*")}))
        .await
        .unwrap();
    let attachment = json!({"UserName": "ann", "PolicyArn": policy["Policy"]["Arn"]});
    world.call("AttachUserPolicy", attachment.clone()).await.unwrap();
    assert!(world.may(&ann, "dynamodb:GetItem"));
    let version = json!({"PolicyArn": policy["Policy"]["Arn"], "PolicyDocument": allow("dynamodb:Put*", "*"), "SetAsDefault": true});
    world.call("CreatePolicyVersion", version).await.unwrap();
    assert!(!world.may(&ann, "dynamodb:GetItem"));
    assert!(world.may(&ann, "dynamodb:PutItem"));

    world
        .call(
            "PutUserPermissionsBoundary",
            json!({"UserName": "ann", "PermissionsBoundary": "arn:aws:iam::aws:policy/AmazonSQSFullAccess"}),
        )
        .await
        .unwrap();
    assert!(!world.may(&ann, "dynamodb:PutItem"));
    world.call("DeleteUserPermissionsBoundary", json!({"UserName": "ann"})).await.unwrap();
    assert!(world.may(&ann, "dynamodb:PutItem"));
    world.call("DetachUserPolicy", attachment).await.unwrap();
    assert!(!world.may(&ann, "dynamodb:PutItem"));
    world
        .call(
            "AttachUserPolicy",
            json!({"UserName": "ann", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        )
        .await
        .unwrap();
    assert!(world.may(&ann, "dynamodb:PutItem"));
}

#[tokio::test]
async fn conditions_see_the_caller_and_the_request() {
    let world = World::new().await;
    let ann = world.user("ann").await;
    world.call("TagUser", json!({"UserName": "ann", "Tags": [{"Key": "team", "Value": "red"}]})).await.unwrap();
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/${aws:PrincipalTag/team}-${aws:username}",
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:userid}"]}, "DateLessThan": {"aws:CurrentTime": "2100-01-01"},
            "StringEquals": {"aws:RequestedRegion": "us-east-1"}},
    }]});
    world
        .call("PutUserPolicy", json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": document.to_string()}))
        .await
        .unwrap();
    let may = |table: &str, key: &str| {
        let mut permission =
            Permission::new("dynamodb:GetItem", format!("arn:aws:dynamodb:us-east-1:000000000000:table/{table}"));
        permission.context.push(("dynamodb:LeadingKeys".into(), vec![key.into()]));
        world.cx(ann.clone()).authorize(&permission).is_ok()
    };
    assert!(may("red-ann", &ann.user_id));
    assert!(!may("red-ann", "another"));
    assert!(!may("blue-ann", &ann.user_id));
}

#[tokio::test]
async fn resource_policies_count_and_broken_ones_refuse() {
    let world = World::new().await;
    let ann = world.user("ann").await;
    let asked = |policy: &str| {
        let permission = Permission {
            resource_policy: Some(policy.into()),
            ..Permission::new("sqs:SendMessage", "arn:aws:sqs:us-east-1:000000000000:q")
        };
        world.cx(ann.clone()).authorize(&permission).map_err(|error| error.to_string())
    };
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": ann.arn.to_string()}, "Action": "sqs:*", "Resource": "*"}});
    assert_eq!(asked(&policy.to_string()), Ok(()));
    assert!(asked("{").unwrap_err().ends_with("because a policy cannot be read"));
}

#[tokio::test]
async fn services_need_the_resources_own_permission() {
    let world = World::new().await;
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let asked = |service: &str, source: &str, policy: Option<String>| {
        let caller = Caller::service(world.cloud.account(), service);
        let permission = Permission {
            context: vec![("aws:SourceArn".into(), vec![source.into()])],
            resource_policy: policy,
            ..Permission::new("lambda:InvokeFunction", function)
        };
        world.cloud.access().authorize(&caller, &permission, world.env.now()).is_ok()
    };
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "lambda:InvokeFunction", "Resource": function,
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:us-east-1:000000000000:abc/*/*"}},
    }]});
    let (policy, source) =
        (Some(policy.to_string()), "arn:aws:execute-api:us-east-1:000000000000:abc/$default/GET/users/{id}");
    assert!(asked("apigateway.amazonaws.com", source, policy.clone()));
    assert!(!asked("apigateway.amazonaws.com", &source.replace(":abc/", ":abd/"), policy.clone()));
    assert!(!asked("events.amazonaws.com", source, policy));
    assert!(!asked("apigateway.amazonaws.com", source, None));
}

#[tokio::test]
async fn managed_policies_have_versions() {
    let world = World::new().await;
    let created = world
        .call("CreatePolicy", json!({"PolicyName": "p", "Path": "/app/", "PolicyDocument": allow("sqs:*", "*")}))
        .await
        .unwrap();
    let arn = created["Policy"]["Arn"].clone();
    assert_eq!(arn, "arn:aws:iam::000000000000:policy/app/p");
    for _ in 0..4 {
        world
            .call("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": allow("sns:*", "*")}))
            .await
            .unwrap();
    }
    assert!(
        world
            .refused("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": allow("sns:*", "*")}))
            .await
            .starts_with("LimitExceeded")
    );
    assert!(
        world
            .refused("DeletePolicyVersion", json!({"PolicyArn": arn, "VersionId": "v1"}))
            .await
            .contains("default version")
    );
    world.call("SetDefaultPolicyVersion", json!({"PolicyArn": arn, "VersionId": "v5"})).await.unwrap();
    let version = world.call("GetPolicyVersion", json!({"PolicyArn": arn, "VersionId": "v5"})).await.unwrap();
    assert_eq!(version["PolicyVersion"]["IsDefaultVersion"], true);
    assert!(version["PolicyVersion"]["Document"].as_str().unwrap().contains("sns%3A%2A"));
    assert!(world.refused("DeletePolicy", json!({"PolicyArn": arn})).await.contains("more than one version"));
    for version in ["v1", "v2", "v3", "v4"] {
        world.call("DeletePolicyVersion", json!({"PolicyArn": arn, "VersionId": version})).await.unwrap();
    }
    world.role("r", json!({"Service": "lambda.amazonaws.com"})).await;
    let foreign = json!({"RoleName": "r", "PolicyArn": "arn:aws:iam::111111111111:policy/app/p"});
    assert!(world.refused("AttachRolePolicy", foreign).await.ends_with("does not exist or is not attachable."));
    world.call("AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": arn})).await.unwrap();
    assert_eq!(world.call("GetPolicy", json!({"PolicyArn": arn})).await.unwrap()["Policy"]["AttachmentCount"], 1);
    assert!(world.refused("DeletePolicy", json!({"PolicyArn": arn})).await.starts_with("DeleteConflict"));
    assert!(world.refused("DeleteRole", json!({"RoleName": "r"})).await.contains("detach all policies"));
    let attached = world.call("ListAttachedRolePolicies", json!({"RoleName": "r"})).await.unwrap();
    assert_eq!(attached["AttachedPolicies"], json!([{"PolicyName": "p", "PolicyArn": arn}]));
    world.call("DetachRolePolicy", json!({"RoleName": "r", "PolicyArn": arn})).await.unwrap();
    world.call("DeletePolicy", json!({"PolicyArn": arn})).await.unwrap();
    assert!(
        world
            .refused("AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": arn}))
            .await
            .ends_with("does not exist or is not attachable.")
    );
    let local = world.call("ListPolicies", json!({"Scope": "Local"})).await.unwrap();
    assert_eq!(local["Policies"], json!([]));
    let aws =
        world.call("GetPolicy", json!({"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})).await.unwrap();
    assert_eq!(aws["Policy"]["PolicyName"], "AdministratorAccess");
}

#[tokio::test]
async fn inline_policies_have_a_total() {
    let world = World::new().await;
    world.role("r", json!({"Service": "lambda.amazonaws.com"})).await;
    let long = allow("sqs:*", &format!("arn:aws:sqs:::{}", "x".repeat(6_000)));
    let put = |name: &str| json!({"RoleName": "r", "PolicyName": name, "PolicyDocument": long});
    world.call("PutRolePolicy", put("a")).await.unwrap();
    world.call("PutRolePolicy", put("a")).await.unwrap();
    assert!(
        world
            .refused("PutRolePolicy", put("b"))
            .await
            .starts_with("LimitExceeded: Maximum policy size of 10240 bytes exceeded")
    );
    assert_eq!(world.call("ListRolePolicies", json!({"RoleName": "r"})).await.unwrap()["PolicyNames"], json!(["a"]));
    let got = world.call("GetRolePolicy", json!({"RoleName": "r", "PolicyName": "a"})).await.unwrap();
    assert_eq!((&got["RoleName"], got.get("UserName")), (&json!("r"), None));
    assert!(
        world
            .refused("PutRolePolicy", json!({"RoleName": "r", "PolicyName": "c", "PolicyDocument": "{}"}))
            .await
            .starts_with("MalformedPolicyDocument: Missing required field Statement")
    );
}

/// Whoever may do one thing elsewhere may do nothing here: a new operation has to be refused too.
#[tokio::test]
async fn a_restricted_user_is_refused_everything() {
    let world = World::new().await;
    let ann = world.user("ann").await;
    world.allow("PutUserPolicy", "ann", "dynamodb:GetItem", TABLE).await;
    world.role("r", json!({"AWS": "000000000000"})).await;
    let mut refused = 0;
    for service in ["iam", "sts"] {
        // Those who have no access key have no policies either.
        let operations = world.cloud.service(service).unwrap().operations();
        for operation in operations.iter().filter(|operation| !operation.open) {
            let answer = world.call_as(&ann, operation.name, assume("r")).await;
            if matches!(operation.name, "GetCallerIdentity" | "GetSessionToken") {
                assert!(answer.is_ok(), "{}", operation.name);
                continue;
            }
            let error = answer.unwrap_err();
            assert_eq!((error.code.as_ref(), error.status), ("AccessDenied", 403), "{}: {error}", operation.name);
            assert!(error.message.contains(&operation.action), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused}");
}
