//! The smallest compiled function: answers every event with itself, over Lambda's Runtime API and with nothing but
//! the standard library. For `{"hold":MILLISECONDS}` it waits, and answers with a number of this process's own; for
//! `{"end":true}` it ends.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

const API: &str = "/2018-06-01/runtime/invocation";

fn main() -> io::Result<()> {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    let mut writer = TcpStream::connect(&address)?;
    writer.set_nodelay(true)?;
    let mut reader = BufReader::new(writer.try_clone()?);
    loop {
        // Each request in one write, so that it leaves in one packet.
        writer.write_all(format!("GET {API}/next HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())?;
        let event = answer(&mut reader)?;
        let id = event.request_id.ok_or_else(|| io::Error::other("an event without a request id"))?;
        let answered = work(event.body);
        let length = answered.len();
        let head = format!("POST {API}/{id}/response HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n");
        writer.write_all(&[head.as_bytes(), &answered].concat())?;
        answer(&mut reader)?;
    }
}

fn work(event: Vec<u8>) -> Vec<u8> {
    static OWN: OnceLock<u64> = OnceLock::new();
    let text = str::from_utf8(&event).unwrap_or_default();
    if text == r#"{"end":true}"# {
        std::process::exit(0);
    }
    let hold = text.strip_prefix(r#"{"hold":"#).and_then(|rest| rest.strip_suffix('}')?.parse().ok());
    let Some(millis) = hold else { return event };
    std::thread::sleep(Duration::from_millis(millis));
    let own = OWN.get_or_init(|| RandomState::new().hash_one(0));
    format!("\"{own:x}\"").into_bytes()
}

struct Answer {
    request_id: Option<String>,
    body: Vec<u8>,
}

/// Reads one response: of its headers only those that matter here.
fn answer(reader: &mut impl BufRead) -> io::Result<Answer> {
    let mut answer = Answer { request_id: None, body: Vec::new() };
    let mut length = 0;
    let status = line(reader)?;
    if !status.starts_with("HTTP/1.1 2") {
        return Err(io::Error::other(status));
    }
    loop {
        let header = line(reader)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "lambda-runtime-aws-request-id" => answer.request_id = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "transfer-encoding" => return Err(io::Error::other("chunked bodies are not read here")),
            _ => {}
        }
    }
    answer.body.resize(length, 0);
    reader.read_exact(&mut answer.body)?;
    Ok(answer)
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
