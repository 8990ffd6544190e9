//! Decisions, as a table: who asks for what, under which policies, and what comes of it and why.

use super::*;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
const ROLE: &str = "arn:aws:iam::000000000000:role/app/worker";

fn statement(text: &str) -> Policy {
    Policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#)).unwrap()
}

fn ann() -> Principal {
    Principal::user("000000000000", "ann")
}

fn worker() -> Principal {
    Principal::session("000000000000", ROLE, "i-1")
}

/// Ann's verdict for an action on a resource under one identity-based policy.
fn ann_may(action: &str, resource: &str, policy: &str) -> Decision {
    let context = [("aws:username", "ann")].into_iter().collect();
    let request = Request { principal: &ann(), action, resource, context: &context };
    evaluate(&request, &PolicySet { identity: &[statement(policy)], ..PolicySet::default() })
}

#[test]
fn identity_policies() {
    let allowed = Decision::Allow;
    let nothing = Decision::ImplicitDeny { missing: Source::Identity };
    let denied = |statement: &str| Decision::ExplicitDeny { source: Source::Identity, statement: statement.into() };
    for (why, action, resource, policy, expected) in [
        ("no statement", "sqs:SendMessage", QUEUE, "", nothing.clone()),
        (
            "exact",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:orders"}"#,
            allowed.clone(),
        ),
        (
            "actions have no case",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"SQS:sendmessage","Resource":"*"}"#,
            allowed.clone(),
        ),
        (
            "resources have",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs:*:*:Orders"}"#,
            nothing.clone(),
        ),
        (
            "another action",
            "sqs:DeleteQueue",
            QUEUE,
            r#"{"Effect":"Allow","Action":["sqs:Send*","sqs:Get*"],"Resource":"*"}"#,
            nothing.clone(),
        ),
        (
            "a prefix of actions",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":["sqs:Send*","sqs:Get*"],"Resource":"*"}"#,
            allowed.clone(),
        ),
        (
            "deny wins, and is named",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"NoSending","Effect":"Deny","Action":"sqs:Send*","Resource":"*"}"#,
            denied("NoSending"),
        ),
        (
            "deny by number",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"sqs:*","Resource":"*"}"#,
            denied("1"),
        ),
        (
            "deny of something else",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"sns:*","Resource":"*"}"#,
            allowed.clone(),
        ),
        (
            "NotAction allows the rest",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#,
            allowed.clone(),
        ),
        (
            "NotAction leaves its own out",
            "iam:GetUser",
            "*",
            r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#,
            nothing.clone(),
        ),
        (
            "NotResource denies the rest",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","NotResource":"arn:aws:sqs:*:*:public-*"}"#,
            denied("1"),
        ),
        (
            "a variable",
            "s3:GetObject",
            "arn:aws:s3:::home/ann/x",
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::home/${aws:username}/*"}"#,
            allowed.clone(),
        ),
        (
            "another's home",
            "s3:GetObject",
            "arn:aws:s3:::home/bob/x",
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::home/${aws:username}/*"}"#,
            nothing.clone(),
        ),
        (
            "a condition that holds",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"ann"}}}"#,
            allowed,
        ),
        (
            "all conditions must",
            "sqs:SendMessage",
            QUEUE,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"ann"},"Bool":{"aws:SecureTransport":"true"}}}"#,
            nothing,
        ),
    ] {
        assert_eq!(ann_may(action, resource, policy), expected, "{why}");
    }
}

#[test]
fn boundaries_and_session_policies_only_take_away() {
    let (all, sqs, sns) = (
        statement(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#),
        statement(r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#),
        statement(r#"{"Effect":"Allow","Action":"sns:*","Resource":"*"}"#),
    );
    let context = Context::new();
    let request = Request { principal: &worker(), action: "sqs:SendMessage", resource: QUEUE, context: &context };
    let missing = |missing| Decision::ImplicitDeny { missing };
    let decide = |identity: &Policy, boundary, session: Option<&Policy>| {
        let session = session.map(std::slice::from_ref);
        evaluate(
            &request,
            &PolicySet { identity: std::slice::from_ref(identity), boundary, session, ..PolicySet::default() },
        )
    };
    assert_eq!(decide(&all, Some(&sqs), Some(&sqs)), Decision::Allow);
    assert_eq!(decide(&sns, Some(&all), Some(&all)), missing(Source::Identity));
    assert_eq!(decide(&all, Some(&sns), Some(&all)), missing(Source::Boundary));
    assert_eq!(decide(&all, Some(&all), Some(&sns)), missing(Source::Session));
    let nothing = PolicySet { identity: std::slice::from_ref(&all), session: Some(&[]), ..PolicySet::default() };
    assert_eq!(evaluate(&request, &nothing), missing(Source::Session));
}

#[test]
fn resource_policies() {
    let none = statement("");
    let cases = [
        (
            "a user by its ARN: not even a boundary limits it",
            ann(),
            r#"{"AWS":"arn:aws:iam::000000000000:user/ann"}"#,
            true,
            Decision::Allow,
        ),
        (
            "another user",
            ann(),
            r#"{"AWS":"arn:aws:iam::000000000000:user/bob"}"#,
            false,
            Decision::ImplicitDeny { missing: Source::Identity },
        ),
        (
            "the account leaves it to the identity",
            ann(),
            r#"{"AWS":"000000000000"}"#,
            false,
            Decision::ImplicitDeny { missing: Source::Identity },
        ),
        (
            "the account's root ARN does too",
            ann(),
            r#"{"AWS":["arn:aws:iam::000000000000:root"]}"#,
            false,
            Decision::ImplicitDeny { missing: Source::Identity },
        ),
        ("anybody", ann(), r#""*""#, false, Decision::Allow),
        (
            "anybody within the boundary",
            ann(),
            r#"{"AWS":"*"}"#,
            true,
            Decision::ImplicitDeny { missing: Source::Boundary },
        ),
        (
            "a role means its sessions",
            worker(),
            r#"{"AWS":"arn:aws:iam::000000000000:role/app/worker"}"#,
            false,
            Decision::Allow,
        ),
        (
            "within the role's boundary",
            worker(),
            r#"{"AWS":"arn:aws:iam::000000000000:role/app/worker"}"#,
            true,
            Decision::ImplicitDeny { missing: Source::Boundary },
        ),
        (
            "one session, without limits",
            worker(),
            r#"{"AWS":"arn:aws:sts::000000000000:assumed-role/worker/i-1"}"#,
            true,
            Decision::Allow,
        ),
        (
            "another session",
            worker(),
            r#"{"AWS":"arn:aws:sts::000000000000:assumed-role/worker/i-2"}"#,
            false,
            Decision::ImplicitDeny { missing: Source::Identity },
        ),
        (
            "a service",
            Principal::service("events.amazonaws.com"),
            r#"{"Service":"events.amazonaws.com"}"#,
            false,
            Decision::Allow,
        ),
        (
            "another service",
            Principal::service("sns.amazonaws.com"),
            r#"{"Service":"events.amazonaws.com"}"#,
            false,
            Decision::ImplicitDeny { missing: Source::Resource },
        ),
        (
            "nobody known",
            Principal::anonymous(),
            r#"{"AWS":"000000000000"}"#,
            false,
            Decision::ImplicitDeny { missing: Source::Resource },
        ),
        ("anonymous is anybody", Principal::anonymous(), r#""*""#, false, Decision::Allow),
        (
            "root needs no policy",
            Principal::root("000000000000"),
            r#"{"Service":"events.amazonaws.com"}"#,
            false,
            Decision::Allow,
        ),
    ];
    for (why, principal, named, bounded, expected) in cases {
        let policy = statement(&format!(r#"{{"Effect":"Allow","Principal":{named},"Action":"sqs:*","Resource":"*"}}"#));
        let context = Context::new();
        let request = Request { principal: &principal, action: "sqs:SendMessage", resource: QUEUE, context: &context };
        let set = PolicySet { resource: Some(&policy), boundary: bounded.then_some(&none), ..PolicySet::default() };
        assert_eq!(evaluate(&request, &set), expected, "{why}");
    }
}

#[test]
fn a_resource_policy_that_names_nobody_allows_nobody() {
    let policy = statement(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let context = Context::new();
    let request = Request { principal: &ann(), action: "sqs:SendMessage", resource: QUEUE, context: &context };
    let set = PolicySet { resource: Some(&policy), ..PolicySet::default() };
    assert_eq!(evaluate(&request, &set), Decision::ImplicitDeny { missing: Source::Identity });
}

#[test]
fn not_principal_denies_everybody_else() {
    let policy = statement(
        r#"{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::000000000000:user/ann"},"Action":"*","Resource":"*"}"#,
    );
    let context = Context::new();
    let decide = |principal: Principal| {
        let request = Request { principal: &principal, action: "sqs:SendMessage", resource: QUEUE, context: &context };
        let all = [statement(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#)];
        evaluate(&request, &PolicySet { identity: &all, resource: Some(&policy), ..PolicySet::default() })
    };
    assert_eq!(decide(ann()), Decision::Allow);
    let denied = Decision::ExplicitDeny { source: Source::Resource, statement: "0".into() };
    assert_eq!([decide(worker()), decide(Principal::root("000000000000"))], [denied.clone(), denied]);
}

#[test]
fn a_role_is_for_those_its_trust_policy_names() {
    let all = [statement(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#)];
    let cases = [
        (r#"{"Service":"lambda.amazonaws.com"}"#, true, Decision::ImplicitDeny { missing: Source::Resource }),
        (r#"{"AWS":"000000000000"}"#, true, Decision::Allow),
        (r#"{"AWS":"000000000000"}"#, false, Decision::ImplicitDeny { missing: Source::Identity }),
        (r#"{"AWS":"arn:aws:iam::000000000000:user/ann"}"#, false, Decision::Allow),
    ];
    for (named, permitted, expected) in cases {
        let trust = statement(&format!(r#"{{"Effect":"Allow","Principal":{named},"Action":"sts:AssumeRole"}}"#))
            .check(Use::Trust)
            .unwrap();
        let context = Context::new();
        let request = Request { principal: &ann(), action: "sts:AssumeRole", resource: ROLE, context: &context };
        let identity = if permitted { &all[..] } else { &[] };
        let set = PolicySet { identity, resource: Some(&trust), resource_must_allow: true, ..PolicySet::default() };
        assert_eq!(evaluate(&request, &set), expected, "{named} {permitted}");
    }
}

#[test]
fn denials_say_what_would_help() {
    let context = Context::new();
    let request = Request { principal: &ann(), action: "sqs:SendMessage", resource: QUEUE, context: &context };
    assert_eq!(denial(&request, &Decision::Allow), None);
    assert_eq!(
        denial(&request, &Decision::ImplicitDeny { missing: Source::Identity }).unwrap(),
        "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: sqs:SendMessage on resource: \
         arn:aws:sqs:us-east-1:000000000000:orders because no identity-based policy allows the sqs:SendMessage action. \
         This statement would allow it: {\"Effect\":\"Allow\",\"Action\":\"sqs:SendMessage\",\"Resource\":\"arn:aws:sqs:us-east-1:000000000000:orders\"}"
    );
    let denied = Decision::ExplicitDeny { source: Source::Identity, statement: "NoSending".into() };
    assert!(
        denial(&request, &denied)
            .unwrap()
            .contains("with an explicit deny in an identity-based policy. It is denied by the statement 'NoSending'")
    );
    let resource = denial(&request, &Decision::ImplicitDeny { missing: Source::Resource }).unwrap();
    assert!(resource.ends_with(
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/ann"},"Action":"sqs:SendMessage"}"#
    ));
    assert!(
        Policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, suggest("sqs:SendMessage", QUEUE)))
            .unwrap()
            .check(Use::Identity)
            .is_ok()
    );
}

#[test]
fn providers_are_trusted_by_name_alone() {
    const PROVIDER: &str = "arn:aws:iam::000000000000:oidc-provider/issuer.example";
    let named = format!(
        r#"{{"Effect":"Allow","Principal":{{"Federated":"{PROVIDER}"}},"Action":"sts:AssumeRoleWithWebIdentity"}}"#
    );
    let allow =
        |principals: &str| format!(r#"{{"Effect":"Allow",{principals},"Action":"sts:AssumeRoleWithWebIdentity"}}"#);
    let missing = Decision::ImplicitDeny { missing: Source::Resource };
    let denied = Decision::ExplicitDeny { source: Source::Resource, statement: "1".into() };
    for (trust, expected) in [
        (named.clone(), Decision::Allow),
        (allow(r#""Principal":{"Federated":"cognito-identity.amazonaws.com"}"#), missing.clone()),
        (allow(r#""Principal":"*""#), missing.clone()),
        (allow(r#""NotPrincipal":{"AWS":"000000000000"}"#), missing.clone()),
        (allow(&format!(r#""Principal":{{"AWS":"{ROLE}"}}"#)), missing),
        (format!(r#"{named},{{"Effect":"Deny","Principal":"*","Action":"sts:*"}}"#), denied),
    ] {
        let (principal, context) = (Principal::federated(PROVIDER), Context::new());
        let action = "sts:AssumeRoleWithWebIdentity";
        let request = Request { principal: &principal, action, resource: ROLE, context: &context };
        let policy = statement(&trust);
        let policies = PolicySet { resource: Some(&policy), resource_must_allow: true, ..PolicySet::default() };
        assert_eq!(evaluate(&request, &policies), expected, "{trust}");
    }
}
