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

fn addresses(mail: &Value) -> String {
    let to = mail["To"].as_array().map(Vec::as_slice).unwrap_or_default();
    to.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn line(mail: &Value) {
    let (id, sent, subject) = (text(mail, "MailId"), text(mail, "Sent"), text(mail, "Subject"));
    output::line(format_args!("{id}  {sent}  {}  {subject}", addresses(mail)));
}

fn show(mail: &Value) {
    for (name, value) in [
        ("From", text(mail, "From")),
        ("To", &addresses(mail)),
        ("Date", text(mail, "Sent")),
        ("Subject", text(mail, "Subject")),
    ] {
        output::line(format_args!("{name}: {value}"));
    }
    output::line(format_args!("\n{}", text(mail, "Text")));
}
