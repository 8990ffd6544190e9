//! The smallest compiled function: answers every event with itself, over Lambda's Runtime API and with nothing but
//! the standard library.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;

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
        let length = event.body.len();
        let head = format!("POST {API}/{id}/response HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n");
        writer.write_all(&[head.as_bytes(), &event.body].concat())?;
        answer(&mut reader)?;
    }
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
