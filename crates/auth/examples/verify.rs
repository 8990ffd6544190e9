//! What keeping signing keys is worth: how long it takes to verify a request of 1 KiB with a key that is derived for
//! it, and with one that is kept. `cargo run --release -p auth --example verify`

use std::io::Write as _;
use std::time::Instant;

use auth::sigv4::{Credentials, Error, Parts, parse, sign, signing_key, verify, verify_with_key};
use base::Timestamp;
use http::HeaderMap;

const ROUNDS: u32 = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (now, body) = (Timestamp(1_795_000_000_000), [b'x'; 1024]);
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials { access_key_id: "AKIDEXAMPLE".into(), secret: secret.into(), session_token: None };
    let mut headers = HeaderMap::new();
    headers.insert("host", "localhost:4566".parse()?);
    headers.insert("content-type", "application/x-amz-json-1.0".parse()?);
    headers.insert("x-amz-target", "DynamoDB_20120810.GetItem".parse()?);
    let unsigned = headers.clone();
    let parts = Parts { method: "POST", path: "/", query: "", headers: &unsigned };
    for (name, value) in sign(&parts, &body, &credentials, "us-east-1", "dynamodb", now)? {
        headers.insert(name, value.parse()?);
    }
    let parts = Parts { headers: &headers, ..parts };
    let signature = parse(&parts)?.ok_or("the request is signed")?;
    let key = signing_key(secret, &signature.scope);
    let derived = nanoseconds(|| verify(&signature, &parts, &body, secret, now))?;
    let kept = nanoseconds(|| verify_with_key(&signature, &parts, &body, &key, now))?;
    let derivation = nanoseconds(|| {
        std::hint::black_box(signing_key(secret, &signature.scope));
        Ok(())
    })?;
    let ratio = derived / kept;
    writeln!(
        std::io::stdout(),
        "with a key derived each time {derived:.0} ns, with a kept one {kept:.0} ns ({ratio:.1} times); deriving alone {derivation:.0} ns"
    )?;
    Ok(())
}

/// The time of one round, after some to warm up.
fn nanoseconds(round: impl Fn() -> Result<(), Error>) -> Result<f64, Error> {
    for _ in 0..ROUNDS / 10 {
        round()?;
    }
    let began = Instant::now();
    for _ in 0..ROUNDS {
        round()?;
    }
    Ok(began.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS))
}
