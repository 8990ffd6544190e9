//! Functions to invoke: their code, and what it takes to have one on a server.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Method;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::client::{Call, Client};

const FUNCTIONS: &str = "/2015-03-31/functions";
const ROLE: &str = "arn:aws:iam::000000000000:role/bench";
const CREATE_ROLE: &str = "Action=CreateRole&Version=2010-05-08&RoleName=bench&AssumeRolePolicyDocument=%7B%22Version\
    %22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22\
    %3A%22lambda.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
const EVENT: &str = r#"{"hello":"world"}"#;
const END: &str = r#"{"end":true}"#;
const POLL: Duration = Duration::from_millis(1);

/// What the scripts do: see [`Function`].
const PYTHON: &str = "\
import os
import time

instance = None

def main(event, context):
    global instance
    if event.get('end'):
        os._exit(0)
    if 'hold' in event:
        time.sleep(event['hold'] / 1000)
        instance = instance or os.urandom(8).hex()
        return instance
    return os.environ.get('GENERATION')
";
const NODE: &str = "\
const instance = require('node:crypto').randomBytes(8).toString('hex');

exports.main = async (event) => {
  if (event.end) process.exit(0);
  if (!event.hold) return process.env.GENERATION;
  await new Promise((done) => setTimeout(done, event.hold));
  return instance;
};
";

/// Says the number of an event of EventBridge or SNS to who listens on a port, over a connection that stays.
const TELLER: &str = "\
import socket

line = None

def main(event, context):
    global line
    number = event['detail']['number'] if 'detail' in event else event['Records'][0]['Sns']['Message']
    line = line or socket.create_connection(('127.0.0.1', PORT))
    line.sendall(b'%d\\n' % int(number))
";

/// Answers a message of a WebSocket with the same.
const ECHOING: &str = "\
def main(event, context):
    return {'statusCode': 200, 'body': event['body']}
";

/// A function's code and how it is run. Each one answers with the environment variable `GENERATION`, or, compiled,
/// with the event. For `{"hold": MILLISECONDS}` it waits, and answers with something that is its instance's own; for
/// `{"end": true}` its process ends.
pub struct Function {
    pub name: &'static str,
    pub runtime: &'static str,
    handler: &'static str,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Function {
    pub fn python() -> Function {
        Function::script("python", "python3.12", "handler.py", PYTHON)
    }

    /// With an import that alone takes the better part of a second.
    pub fn python_boto3() -> Function {
        Function::script("python-boto3", "python3.12", "handler.py", &format!("import boto3\n{PYTHON}"))
    }

    /// It answers nothing: see [`crate::arrivals`].
    pub fn teller(port: u16) -> Function {
        Function::script("teller", "python3.12", "handler.py", &TELLER.replace("PORT", &port.to_string()))
    }

    /// It answers clients of WebSocket APIs.
    pub fn echo() -> Function {
        Function::script("echo", "python3.12", "handler.py", ECHOING)
    }

    pub fn node() -> Function {
        Function::script("node", "nodejs20.x", "handler.js", NODE)
    }

    /// # Errors
    /// When `bootstrap` cannot be read.
    pub fn provided(bootstrap: &Path) -> anyhow::Result<Function> {
        let code = std::fs::read(bootstrap).with_context(|| format!("{} is not there", bootstrap.display()))?;
        let files = vec![("bootstrap", code)];
        Ok(Function { name: "provided", runtime: "provided.al2023", handler: "bootstrap", files })
    }

    fn script(name: &'static str, runtime: &'static str, file: &'static str, code: &str) -> Function {
        Function { name, runtime, handler: "handler.main", files: vec![(file, code.into())] }
    }

    /// Makes the function, and returns once it can be invoked.
    pub async fn create(&self, client: &mut Client) -> anyhow::Result<()> {
        let input = json!({
            "FunctionName": self.name,
            "Runtime": self.runtime,
            "Handler": self.handler,
            "Role": ROLE,
            "Timeout": 60,
            "MemorySize": 256,
            "Environment": {"Variables": {"GENERATION": "0"}},
            "Code": {"ZipFile": BASE64_STANDARD.encode(archive(&self.files)?)},
        });
        client.call(Call::rest("lambda", Method::POST, FUNCTIONS, input.to_string())).await?;
        self.settle(client).await
    }

    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.name)
    }

    /// Lets a service invoke it.
    pub async fn allow(&self, client: &mut Client, service: &str) -> anyhow::Result<()> {
        let path = format!("{FUNCTIONS}/{}/policy", self.name);
        let input = json!({"StatementId": "bench", "Action": "lambda:InvokeFunction", "Principal": service});
        client.call(Call::rest("lambda", Method::POST, &path, input.to_string())).await?;
        Ok(())
    }

    /// Gives the function another environment, which ends its instances.
    pub async fn configure(&self, client: &mut Client, generation: usize) -> anyhow::Result<()> {
        let path = format!("{FUNCTIONS}/{}/configuration", self.name);
        let input = json!({"Environment": {"Variables": {"GENERATION": generation.to_string()}}});
        client.call(Call::rest("lambda", Method::PUT, &path, input.to_string())).await?;
        self.settle(client).await
    }

    /// Gives the script other code: the same with a comment that makes it new.
    pub async fn update(&self, client: &mut Client, generation: usize) -> anyhow::Result<()> {
        let comment = if self.runtime.starts_with("python") { "#" } else { "//" };
        let changed: Vec<_> = self
            .files
            .iter()
            .map(|(name, code)| (*name, [code.as_slice(), format!("{comment} {generation}\n").as_bytes()].concat()))
            .collect();
        let path = format!("{FUNCTIONS}/{}/code", self.name);
        let input = json!({"ZipFile": BASE64_STANDARD.encode(archive(&changed)?)});
        client.call(Call::rest("lambda", Method::PUT, &path, input.to_string())).await?;
        self.settle(client).await
    }

    /// Waits until the last change is done.
    async fn settle(&self, client: &mut Client) -> anyhow::Result<()> {
        let path = format!("{FUNCTIONS}/{}/configuration", self.name);
        loop {
            let answer = client.call(Call::rest("lambda", Method::GET, &path, "")).await?;
            let configuration: Value = serde_json::from_slice(&answer)?;
            match (configuration["State"].as_str(), configuration["LastUpdateStatus"].as_str()) {
                (Some("Failed"), _) | (_, Some("Failed")) => bail!("the function could not be set up: {configuration}"),
                (Some("Pending"), _) | (_, Some("InProgress")) => tokio::time::sleep(POLL).await,
                _ => return Ok(()),
            }
        }
    }

    /// Invokes it, and checks the answer: what [`Function::configure`] set last, at first 0.
    pub async fn invoke(&self, client: &mut Client, generation: usize) -> anyhow::Result<()> {
        let path = format!("{FUNCTIONS}/{}/invocations", self.name);
        let answer = client.call(Call::rest("lambda", Method::POST, &path, EVENT)).await?;
        let expected = if self.compiled() { EVENT.to_owned() } else { format!("\"{generation}\"") };
        // Of the same JSON there are several spellings.
        if serde_json::from_slice::<Value>(&answer)? != serde_json::from_str::<Value>(&expected)? {
            bail!("{} answered {:.200} instead of {expected}", self.name, String::from_utf8_lossy(&answer));
        }
        Ok(())
    }

    /// Keeps an instance busy, and tells which one it was.
    pub async fn hold(&self, client: &mut Client, time: Duration) -> anyhow::Result<String> {
        let path = format!("{FUNCTIONS}/{}/invocations", self.name);
        let event = format!(r#"{{"hold":{}}}"#, time.as_millis());
        let answer = client.call(Call::rest("lambda", Method::POST, &path, event)).await?;
        Ok(String::from_utf8(answer.to_vec())?)
    }

    /// Has the instance that takes this invocation end, which is an error of the function.
    pub async fn end(&self, client: &mut Client) -> anyhow::Result<()> {
        let path = format!("{FUNCTIONS}/{}/invocations", self.name);
        match client.call(Call::rest("lambda", Method::POST, &path, END)).await {
            Ok(answer) => bail!("{} answered {:.200} instead of ending", self.name, String::from_utf8_lossy(&answer)),
            Err(_) => Ok(()),
        }
    }

    fn compiled(&self) -> bool {
        self.runtime.starts_with("provided")
    }
}

/// The role that all functions here have.
pub async fn create_role(client: &mut Client) -> anyhow::Result<()> {
    client.call(Call::query("iam", CREATE_ROLE)).await?;
    Ok(())
}

fn archive(files: &[(&str, Vec<u8>)]) -> anyhow::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default().unix_permissions(0o755))?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}
