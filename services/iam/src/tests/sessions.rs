//! Roles that are assumed, and sessions as long as they last.

use std::time::Duration;

use base::Arn;
use service::{Access, CallerKind, SessionFacts};

use super::*;

#[tokio::test]
async fn roles_are_assumed_by_those_they_trust() {
    let world = World::new().await;
    let (ann, lambda) = (world.user("ann").await, Caller::service(world.cloud.account(), "lambda.amazonaws.com"));
    world.role("function", json!({"Service": "lambda.amazonaws.com"})).await;
    world.role("for-ann", json!({"AWS": ann.arn.to_string()})).await;
    world.role("for-all", json!({"AWS": "000000000000"})).await;
    world.allow("PutRolePolicy", "function", "dynamodb:GetItem", TABLE).await;

    let session = world.call_as(&lambda, "AssumeRole", assume("function")).await.unwrap();
    assert_eq!(session["AssumedRoleUser"]["Arn"], "arn:aws:sts::000000000000:assumed-role/function/session");
    let caller = world.session(&session).unwrap().caller;
    assert_eq!(caller.arn.to_string(), "arn:aws:sts::000000000000:assumed-role/function/session");
    assert!(world.may(&caller, "dynamodb:GetItem") && !world.may(&caller, "dynamodb:PutItem"));
    let identity = world.call_as(&caller, "GetCallerIdentity", json!({})).await.unwrap();
    assert_eq!(identity["UserId"], session["AssumedRoleUser"]["AssumedRoleId"]);

    let refused = |caller: &Caller, role: &str| {
        let (world, caller, input) = (&world, caller.clone(), assume(role));
        async move { world.call_as(&caller, "AssumeRole", input).await.unwrap_err().to_string() }
    };
    assert!(
        refused(&lambda, "for-ann")
            .await
            .starts_with("AccessDenied: User: lambda.amazonaws.com is not authorized to perform: sts:AssumeRole")
    );
    assert!(refused(&ann, "function").await.contains("no resource-based policy allows"));
    assert!(refused(&ann, "for-all").await.contains("no identity-based policy allows"));
    assert!(refused(&ann, "nowhere").await.starts_with("AccessDenied: User: arn:aws:iam::000000000000:user/ann"));
    assert!(world.call_as(&ann, "AssumeRole", assume("for-ann")).await.is_ok());
    world.allow("PutUserPolicy", "ann", "sts:AssumeRole", "arn:aws:iam::000000000000:role/for-all").await;
    assert!(world.call_as(&ann, "AssumeRole", assume("for-all")).await.is_ok());
}

#[tokio::test]
async fn a_role_is_named_whole_by_its_session() {
    let world = World::new().await;
    world.role("admin", json!({"Service": "events.amazonaws.com"})).await;
    world.allow("PutRolePolicy", "admin", "dynamodb:*", "*").await;
    let session = |role: &str| Caller::role_session(&role.parse().unwrap(), "s");
    assert!(world.may(&session("arn:aws:iam::000000000000:role/admin"), "dynamodb:GetItem"));
    for other in ["arn:aws:iam::000000000000:role/dev/admin", "arn:aws:iam::999999999999:role/admin"] {
        assert!(!world.may(&session(other), "dynamodb:GetItem"), "{other}");
    }
}

#[tokio::test]
async fn sessions_end_with_their_time_their_role_or_their_policy() {
    let world = World::new().await;
    let system = Caller::system(world.cloud.account());
    world.role("r", json!({"Service": "lambda.amazonaws.com"})).await;
    world.allow("PutRolePolicy", "r", "dynamodb:*", "*").await;
    let with = |more: Value| {
        let mut input = assume("r");
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let narrow =
        world.call_as(&system, "AssumeRole", with(json!({"Policy": allow("dynamodb:GetItem", "*")}))).await.unwrap();
    let narrow = world.session(&narrow).unwrap().caller;
    assert!(world.may(&narrow, "dynamodb:GetItem") && !world.may(&narrow, "dynamodb:PutItem"));

    let session = world.call_as(&system, "AssumeRole", with(json!({"DurationSeconds": 900}))).await.unwrap();
    let other = world.call_as(&system, "AssumeRole", assume("r")).await.unwrap();
    let (id, token) =
        (session["Credentials"]["AccessKeyId"].as_str().unwrap(), session["Credentials"]["SessionToken"].as_str());
    assert_eq!(world.credential(id, None).unwrap_err(), CredentialError::Unknown);
    assert_eq!(
        world.credential(id, other["Credentials"]["SessionToken"].as_str()).unwrap_err(),
        CredentialError::Unknown
    );
    assert!(world.credential(id, token).is_ok());
    world.env.advance(Duration::from_secs(900));
    assert_eq!(world.credential(id, token).unwrap_err(), CredentialError::Expired);

    for (more, message) in [
        (json!({"DurationSeconds": 899}), "greater than or equal to 900"),
        (json!({"DurationSeconds": 3601}), "exceeds the MaxSessionDuration"),
        (json!({"RoleSessionName": "a b"}), "regular expression"),
        (json!({"Policy": "{"}), "MalformedPolicyDocument"),
        (json!({"PolicyArns": [{"arn": "x"}]}), "x is invalid"),
        (json!({"RoleArn": "r"}), "r is invalid"),
    ] {
        let error = world.call_as(&system, "AssumeRole", with(more)).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }

    assert!(world.session(&other).is_ok());
    world.call("DeleteRolePolicy", json!({"RoleName": "r", "PolicyName": "p"})).await.unwrap();
    world.call("DeleteRole", json!({"RoleName": "r"})).await.unwrap();
    assert_eq!(world.session(&other).unwrap_err(), CredentialError::Unknown);
    world.role("r", json!({"Service": "lambda.amazonaws.com"})).await;
    assert_eq!(world.session(&other).unwrap_err(), CredentialError::Unknown, "the new role is another one");
}

#[tokio::test]
async fn who_has_gone_is_not_who_has_the_name_now() {
    let world = World::new().await;
    let delete = async |of: &str, noun: &str, name: &str| {
        let keys =
            if noun == "User" { world.call("ListAccessKeys", json!({of: name})).await.unwrap() } else { json!({}) };
        for key in keys["AccessKeyMetadata"].as_array().into_iter().flatten() {
            world.call("DeleteAccessKey", json!({of: name, "AccessKeyId": key["AccessKeyId"]})).await.unwrap();
        }
        world.call(&format!("Delete{noun}Policy"), json!({of: name, "PolicyName": "p"})).await.unwrap();
        world.call(&format!("Delete{noun}"), json!({of: name})).await.unwrap();
    };
    let ann = world.user("ann").await;
    world.allow("PutUserPolicy", "ann", "dynamodb:*", "*").await;
    assert!(world.may(&ann, "dynamodb:GetItem"));
    delete("UserName", "User", "ann").await;
    assert!(!world.may(&ann, "dynamodb:GetItem"));
    let new = world.user("ann").await;
    world.allow("PutUserPolicy", "ann", "dynamodb:*", "*").await;
    assert!(world.may(&new, "dynamodb:GetItem") && !world.may(&ann, "dynamodb:GetItem"));

    let system = Caller::system(world.cloud.account());
    let make = async || {
        world.role("r", json!({"Service": "lambda.amazonaws.com"})).await;
        let policy = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("dynamodb:*", "*")});
        world.call("PutRolePolicy", policy).await.unwrap();
        let session = world.call_as(&system, "AssumeRole", assume("r")).await.unwrap();
        world.session(&session).unwrap().caller
    };
    let session = make().await;
    let CallerKind::Session { role, .. } = &session.kind else { panic!("{session:?}") };
    let servers = Caller::role_session(role, "work");
    assert!(world.may(&session, "dynamodb:GetItem") && world.may(&servers, "dynamodb:GetItem"));
    delete("RoleName", "Role", "r").await;
    assert!(!world.may(&session, "dynamodb:GetItem") && !world.may(&servers, "dynamodb:GetItem"));
    let new = make().await;
    assert!(world.may(&new, "dynamodb:GetItem") && !world.may(&session, "dynamodb:GetItem"));
    assert!(world.may(&servers, "dynamodb:GetItem"), "the server works for whichever role has the name");
}

#[tokio::test]
async fn a_services_session_lasts_as_long_as_its_role_trusts_it() {
    let world = World::new().await;
    let source: Arn = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g".parse().unwrap();
    let trust = |principal: &str, of: &str| {
        let when = json!({"ArnEquals": {"aws:SourceArn": of}});
        let statement = json!({"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole", "Condition": when});
        json!({"RoleName": "r", "PolicyDocument": json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()})
    };
    world.role("r", json!({"Service": "scheduler.amazonaws.com"})).await;
    let policy = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": allow("dynamodb:*", "*")});
    world.call("PutRolePolicy", policy).await.unwrap();
    let role = "arn:aws:iam::000000000000:role/r".parse().unwrap();
    let session = Caller::assumed(&role, "work", "scheduler.amazonaws.com", source.clone());
    assert!(world.may(&session, "dynamodb:GetItem") && !world.may(&session, "sqs:SendMessage"));
    for (principal, of, may) in [
        ("events.amazonaws.com", source.to_string(), false),
        ("scheduler.amazonaws.com", source.to_string().replace("/g", "/h"), false),
        ("scheduler.amazonaws.com", source.to_string(), true),
    ] {
        world.call("UpdateAssumeRolePolicy", trust(principal, &of)).await.unwrap();
        assert_eq!(world.may(&session, "dynamodb:GetItem"), may, "{principal} for {of}");
    }
}

#[tokio::test]
async fn audit_lets_through_what_the_accounts_own_callers_do() {
    let world = World::of(Mode::Audit).await;
    let ann = world.user("ann").await;
    assert!(world.may(&ann, "dynamodb:GetItem"));
    let strict = Permission { strict: true, ..Permission::new("dynamodb:GetItem", TABLE) };
    assert!(world.cx(ann.clone()).authorize(&strict).is_err());

    world.role("r", json!({"Service": "lambda.amazonaws.com"})).await;
    let refused = world.call_as(&ann, "AssumeRole", assume("r")).await.unwrap_err().to_string();
    assert!(refused.contains("no resource-based policy allows"), "{refused}");

    let session = Caller::role_session(&"arn:aws:iam::000000000000:role/r".parse().unwrap(), "s");
    let facts = SessionFacts { vouched: true, ..SessionFacts::default() };
    let guest = Caller { session: Some(Arc::new(facts)), ..session.clone() };
    assert!(world.may(&session, "dynamodb:GetItem") && !world.may(&guest, "dynamodb:GetItem"));
    world.allow("PutRolePolicy", "r", "dynamodb:GetItem", TABLE).await;
    assert!(world.may(&guest, "dynamodb:GetItem") && !world.may(&guest, "dynamodb:PutItem"));
}

#[tokio::test]
async fn session_tokens_of_users() {
    let world = World::new().await;
    let ann = world.user("ann").await;
    let session = world.call_as(&ann, "GetSessionToken", json!({})).await.unwrap();
    let plain = |credential: Credential| Caller { session: None, ..credential.caller };
    assert_eq!(plain(world.session(&session).unwrap()), ann);
    let root = world.call("GetSessionToken", json!({"DurationSeconds": 43200})).await.unwrap();
    assert_eq!(plain(world.session(&root).unwrap()), Caller::root(world.cloud.account()));
    world.env.advance(Duration::from_secs(3600));
    assert_eq!(world.session(&root).unwrap_err(), CredentialError::Expired);
    assert!(world.session(&session).is_ok());
}

/// Tokens must survive a restart: the sealing key is stored.
#[tokio::test]
async fn tokens_outlive_the_process() {
    let (db, env, account) =
        (Db::open(Memory::new()), Env::simulated(1, Timestamp::ZERO), AccountId::new("000000000000"));
    let session = crate::types::Session {
        access_key_id: "ASIA".into(),
        issued: Timestamp::ZERO,
        expires: Timestamp(1),
        subject: crate::types::Subject::Root,
        facts: None,
    };
    let first = Identity::open(db.clone(), &env, Config::new(account.clone(), Vec::new())).await.unwrap();
    let issued = first.sealer.issue(&session).unwrap();
    let second = Identity::open(db, &env, Config::new(account, Vec::new())).await.unwrap();
    assert_eq!(second.credential("ASIA", Some(&issued.token), Timestamp::ZERO).unwrap().secret, issued.secret);
}
