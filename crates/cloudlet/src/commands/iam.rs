//! `cloudlet iam`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use deploy::{CallError, Cloud as _};
use serde_json::{Value, json};

use crate::cli::{Denied, Iam, PolicyFormat, Suggest};
use crate::client::Client;
use crate::output;
use crate::project::Remote;

pub async fn run(command: Iam) -> anyhow::Result<ExitCode> {
    match command {
        Iam::Denied(options) => denied(options).await,
        Iam::Suggest(options) => suggest(options).await,
    }
}

async fn denied(options: Denied) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let mut answer = client.call("cloudlet", "ListDenials", json!({})).await?;
    if let (Some(name), Some(denials)) = (&options.caller, answer["Denials"].as_array_mut()) {
        denials.retain(|denial| is_named(text(denial, "Principal"), name));
    }
    if options.json {
        output::json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let denials = answer["Denials"].as_array().map(Vec::as_slice).unwrap_or_default();
    if denials.is_empty() {
        output::line("policies denied nothing");
    }
    let mut before = "";
    for denial in denials {
        let principal = text(denial, "Principal");
        if principal != before {
            output::line(principal);
            before = principal;
        }
        tell(denial);
    }
    if text(&answer, "Mode") == "audit" && !denials.is_empty() {
        output::note("This server lets such calls through (--iam audit). Without that, they are refused.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether an ARN is this, or ends with this name.
fn is_named(arn: &str, name: &str) -> bool {
    arn == name || arn.rsplit('/').next() == Some(name)
}

fn tell(denial: &Value) {
    let (action, resource, reason) = (text(denial, "Action"), text(denial, "Resource"), text(denial, "Reason"));
    let times = match denial["Count"].as_u64() {
        Some(1) => "once".to_owned(),
        Some(count) => format!("{count} times"),
        None => String::new(),
    };
    output::line(format_args!("  {action} on {resource}: {times}, last {}; {reason}", text(denial, "Last")));
    if !denial["Statement"].is_null() {
        output::line(format_args!("    {}", denial["Statement"]));
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

async fn suggest(options: Suggest) -> anyhow::Result<ExitCode> {
    let cloud = Remote::connect(Client::connect(&options.connection)?).await?;
    let principal = principal(&cloud, &options.name).await?;
    let found = cloud.call("cloudlet", "SuggestPolicy", json!({"Principal": principal})).await?;
    let policy = &found["Policy"];
    if policy.is_null() {
        bail!(
            "{principal} has called nothing yet that policies decide on, so there is nothing to go by: use what uses it, and ask again"
        );
    }
    match options.format {
        PolicyFormat::Json => output::json(policy)?,
        PolicyFormat::Serverless => output::line(serverless(policy)),
    }
    output::note(format_args!("{principal}: {} calls since {}", found["Calls"], text(&found, "Since")));
    let unused = found["Unused"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !unused.is_empty() {
        output::note("It may do more, and did not:");
    }
    for of_statement in unused {
        let (policy, statement) = (text(of_statement, "Policy"), text(of_statement, "Statement"));
        output::note(format_args!("  {} (policy {policy}, statement {statement})", words(&of_statement["Actions"])));
    }
    Ok(ExitCode::SUCCESS)
}

fn words(list: &Value) -> String {
    let all = list.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// The ARN of what is called so: a function stands for its role.
async fn principal(cloud: &Remote, name: &str) -> anyhow::Result<String> {
    if name.starts_with("arn:aws:iam:") {
        return Ok(name.to_owned());
    }
    let asked = [
        ("lambda", "GetFunctionConfiguration", json!({"FunctionName": name}), "/Role"),
        ("iam", "GetRole", json!({"RoleName": name}), "/Role/Arn"),
        ("iam", "GetUser", json!({"UserName": name}), "/User/Arn"),
    ];
    for (service, operation, input, member) in asked {
        match cloud.call(service, operation, input).await {
            Ok(found) => {
                let arn = found.pointer(member).and_then(Value::as_str);
                return arn.map(str::to_owned).with_context(|| format!("{service} did not say which role {name} has"));
            }
            // What cannot be a function's name may be a role's.
            Err(error) if error.is_absent() || is_invalid(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("there is neither a function nor a role nor a user called {name}")
}

fn is_invalid(error: &CallError) -> bool {
    error.code.contains("Validation") || error.code.contains("InvalidParameter")
}

/// A policy's statements as they stand in `serverless.yml`.
fn serverless(policy: &Value) -> String {
    let mut lines = vec!["provider:".to_owned(), "  iam:".into(), "    role:".into(), "      statements:".into()];
    for statement in policy["Statement"].as_array().into_iter().flatten() {
        lines.push(format!("        - Effect: {}", text(statement, "Effect")));
        for name in ["Action", "Resource"] {
            match &statement[name] {
                Value::Array(values) => {
                    lines.push(format!("          {name}:"));
                    lines.extend(values.iter().map(|value| format!("            - {value}")));
                }
                value => lines.push(format!("          {name}: {value}")),
            }
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_as_a_project_has_them() {
        let policy = json!({"Statement": [{"Effect": "Allow", "Action": ["a:B", "a:C"], "Resource": "*"}]});
        let expected = [
            "provider:",
            "  iam:",
            "    role:",
            "      statements:",
            "        - Effect: Allow",
            "          Action:",
            "            - \"a:B\"",
            "            - \"a:C\"",
            "          Resource: \"*\"",
        ];
        assert_eq!(serverless(&policy), expected.join("\n"));
    }

    #[test]
    fn callers_are_named_by_what_they_are_called() {
        let arn = "arn:aws:iam::000000000000:role/app/worker";
        assert!(is_named(arn, "worker") && is_named(arn, arn) && !is_named(arn, "work"));
    }
}
