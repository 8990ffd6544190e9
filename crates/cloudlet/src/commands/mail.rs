//! `cloudlet mail`.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{Mail, MailCommand};
use crate::client::Client;
use crate::output;

pub async fn run(options: Mail) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    match options.command {
        Some(MailCommand::Show { id }) => {
            let mail = client.call("cloudlet", "GetMail", json!({"MailId": id})).await?;
            if options.json { output::json(&mail)? } else { show(&mail) }
        }
        Some(MailCommand::List) | None => {
            let list = client.call("cloudlet", "ListMail", json!({})).await?;
            if options.json {
                output::json(&list)?;
            } else {
                list["Mails"].as_array().map(Vec::as_slice).unwrap_or_default().iter().for_each(line);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text<'a>(mail: &'a Value, name: &str) -> &'a str {
    mail[name].as_str().unwrap_or_default()
}

fn texts(mail: &Value, name: &str) -> String {
    let all = mail[name].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn line(mail: &Value) {
    let (id, sent, subject) = (text(mail, "MailId"), text(mail, "Sent"), text(mail, "Subject"));
    output::line(format_args!("{id}  {sent}  {}  {subject}", texts(mail, "To")));
}

fn show(mail: &Value) {
    for (name, value) in [
        ("From", text(mail, "From")),
        ("To", &texts(mail, "To")),
        ("Date", text(mail, "Sent")),
        ("Subject", text(mail, "Subject")),
    ] {
        output::line(format_args!("{name}: {value}"));
    }
    let attachments = texts(mail, "Attachments");
    if !attachments.is_empty() {
        output::line(format_args!("Attachments: {attachments}"));
    }
    // A mail may have nothing but HTML.
    let body = Some(text(mail, "Text")).filter(|text| !text.is_empty()).unwrap_or_else(|| text(mail, "Html"));
    output::line(format_args!("\n{body}"));
}
