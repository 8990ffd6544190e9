//! Documents and little languages: policies, tokens, patterns, schedules, projects, parameters of images.

use auth::policy::{Context, Policy, PolicySet, Principal, Request, Use, applying, denial, evaluate};
use base::{Arn, Timestamp};
use serde_json::Value;

use super::{lines, outcome};

pub const POLICY_WORDS: &[&str] = &[
    "\"Statement\":",
    "\"Effect\":\"Allow\"",
    "\"Action\":",
    "\"NotAction\":",
    "\"Resource\":",
    "\"Principal\":{\"AWS\":\"*\"}",
    "\"Condition\":{\"StringLike\":{\"aws:username\":\"${aws:userid}\"}}",
    "ForAllValues:",
    "IfExists",
    "Null",
    "IpAddress",
    "DateLessThan",
    "${aws:username, 'x'}",
    "*",
    "?",
    "arn:aws:",
    "\"2012-10-17\"",
    "{",
    "}",
    "[",
    "]",
];

/// A policy, and behind a zero byte an action and a resource that are asked about.
pub fn policy(input: &[u8]) -> String {
    let mut parts = input.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let text = parts.next().unwrap_or_default();
    let action = parts.next().unwrap_or("sqs:SendMessage".into());
    let resource = parts.next().unwrap_or("arn:aws:sqs:us-east-1:000000000000:orders".into());
    let parsed = match Policy::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => return outcome(Err::<String, _>(error.message)),
    };
    assert_eq!(parsed.text(), text);
    let context: Context = [
        ("aws:username", "ann"),
        ("aws:SourceIp", "192.0.2.1"),
        ("aws:CurrentTime", "2026-01-01T00:00:00Z"),
        ("aws:userid", "x*"),
    ]
    .into_iter()
    .collect();
    let principal = Principal::user("000000000000", "ann");
    let request = Request { principal: &principal, action: &action, resource: &resource, context: &context };
    let all = [parsed.clone()];
    let set = PolicySet { identity: &all, resource: Some(&parsed), session: Some(&all), ..PolicySet::default() };
    let decision = evaluate(&request, &set);
    let _ = (denial(&request, &decision), applying(&request, &set, true), parsed.context_keys(), parsed.position(0));
    let _ = parsed.unused(&[(&*action, &*resource)]);
    let uses = [Use::Identity, Use::Managed, Use::Trust, Use::Resource];
    let uses = uses.map(|usage| parsed.clone().check(usage).is_ok());
    format!("{decision:?} {uses:?}")
}

/// A line each: a token, and a set of keys.
pub fn jwt(input: &[u8]) -> String {
    let lines = lines(input);
    let keys = jwt::KeySet::parse(lines.get(1).map(String::as_bytes).unwrap_or_default());
    let set = outcome(keys.as_ref().map(|keys| format!("keys {}", !keys.is_empty())).map_err(ToString::to_string));
    let token = match jwt::Token::parse(lines.first().map(String::as_str).unwrap_or_default()) {
        Ok(token) => token,
        Err(error) => return format!("{set}; {}", outcome(Err::<String, _>(error))),
    };
    let _ = (token.key_id().map(str::len), token.unverified_claims().len());
    let Ok(keys) = keys else { return format!("{set}; parsed") };
    let allowed = ["RS256", "PS256", "ES256", "HS256", "none"].map(jwt::Algorithm::from_word);
    let allowed: Vec<_> = allowed.into_iter().flatten().collect();
    format!("{set}; {}", outcome(token.verify(&keys, &allowed).map(|_| "verified".to_owned())))
}

pub const PATTERN_WORDS: &[&str] = &[
    "{\"detail\":",
    "[",
    "]",
    "{\"prefix\":\"",
    "{\"numeric\":[\">\",0]}",
    "{\"exists\":false}",
    "{\"anything-but\":",
    "{\"wildcard\":\"*a*\"}",
    "{\"cidr\":\"10.0.0.0/8\"}",
    "\"$or\":[",
    "{\"equals-ignore-case\":\"",
    "null",
    "\n",
];

/// A line each: a pattern, and an event.
pub fn pattern(input: &[u8]) -> String {
    let lines = lines(input);
    let compiled = match pattern::Pattern::parse(&lines[0]) {
        Ok(compiled) => compiled,
        Err(error) => return outcome(Err::<String, _>(error)),
    };
    let event = lines.get(1).and_then(|line| serde_json::from_str::<Value>(line).ok());
    let Some(Value::Object(event)) = event else { return "compiled".into() };
    let alone = compiled.matches(&event).ok();
    let index = pattern::Index::new([((), &compiled)]);
    let _ = index.matching(&event);
    format!("matches {alone:?}")
}

/// A line each: a path or a template, and an event.
pub fn template(input: &[u8]) -> String {
    let lines = lines(input);
    let event = lines.get(1).and_then(|line| serde_json::from_str::<Value>(line).ok()).unwrap_or_default();
    let found = template::Path::parse(&lines[0]).map(|path| path.find(&event).is_some());
    let filling = |name: &str| match name.len() % 2 {
        0 => template::Filling::Json(event.clone()),
        _ => template::Filling::Plain(event.clone()),
    };
    let filled = template::fill(&lines[0], |name| name.len() < 20, filling);
    let count = template::placeholders(&lines[0], |name| name.len() < 20).count().min(3);
    format!("{found:?} {count} {}", filled.is_ok())
}

/// A line each: a schedule, a moment, and a time zone.
pub fn schedule(input: &[u8]) -> String {
    let lines = lines(input);
    let Some(parsed) = schedule::Schedule::parse(&lines[0]) else { return "none".into() };
    let after = lines.get(1).and_then(|line| line.trim().parse().ok()).unwrap_or(1_767_225_600);
    let zone = schedule::zone(lines.get(2).map(|line| line.trim()).filter(|name| !name.is_empty()));
    let Some(zone) = zone else { return "no zone".into() };
    let after = Timestamp(after);
    let next = parsed.next(after, Timestamp(0), &zone, schedule::Gap::Later);
    assert!(next.is_none_or(|next| next > after), "what comes next is later: {after:?} {next:?}");
    format!("next {}", next.is_some())
}

pub const YAML_WORDS: &[&str] = &[
    "service: x\n",
    "provider:\n  name: aws\n",
    "functions:\n",
    "  f:\n    handler: a.b\n",
    "    events:\n      - ",
    "httpApi: '*'\n",
    "sqs: arn:aws:sqs:us-east-1:000000000000:q\n",
    "${self:service}",
    "${opt:stage, 'dev'}",
    "${env:X}",
    "${param:",
    "!Ref X",
    "!Sub '${X}'",
    "&a",
    "*a",
    "<<: *a",
    "resources:\n",
    "  Resources:\n",
    "|\n",
    "- ",
    "\t",
    "schedule: rate(1 minute)\n",
    "custom:\n",
];

/// A `serverless.yml`, as far as a template.
pub fn yaml(input: &[u8]) -> String {
    thread_local!(static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("there is a place for temporary files"));
    FOLDER.with(|folder| {
        std::fs::write(folder.path().join("serverless.yml"), input).expect("the folder can be written");
        let options =
            deploy::Options { account: "000000000000".into(), instance: "i".into(), ..deploy::Options::default() };
        let _ = deploy::Wanted::of(folder.path(), &options);
        match deploy::Project::load(folder.path(), &options) {
            Ok(project) => {
                let template = project.template(&deploy::PackageHashes::default());
                let _ = deploy::Template::from_json(&template.to_json());
                "loaded".into()
            }
            Err(diagnostics) => {
                let first = diagnostics.first().map(|first| first.message.clone());
                outcome(Err::<String, _>(first.unwrap_or_default()))
            }
        }
    })
}

pub fn image(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    match media::Parameters::of_query(&text) {
        Ok(Some(parameters)) => {
            let key = parameters.accepting(Some("image/webp,*/*")).key();
            format!("key of {} parts", key.split(['&', ',']).count().min(9))
        }
        Ok(None) => "none".into(),
        Err(error) => outcome(Err::<String, _>(error)),
    }
}

pub fn arn(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    match text.parse::<Arn>() {
        Ok(arn) => {
            assert_eq!(arn.to_string(), text);
            "parsed".into()
        }
        Err(_) => "refused".into(),
    }
}
