//! Hits of a distribution's cache: small and large objects, out of memory.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Load, Speed};
use crate::nginx::Nginx;
use crate::report::{Figure, Row, Unit, say};

pub const CASE: Case = Case {
    name: "cdn",
    about: "objects out of a distribution's cache, 32 clients",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const CLIENTS: usize = 32;
/// Paths of the origin, and how many bytes are there.
const OBJECTS: [(&str, usize); 2] = [("4k", 4 << 10), ("1m", 1 << 20)];

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let origin = origin().await?;
    let (server, _data) = bench.server_reaching(origin.port()).await?;
    let base = distribution(&mut server.client()?, origin).await?;
    let mut rows = Vec::new();
    for (what, speed, bytes) in measure(bench, &server.endpoint, &base).await? {
        rows.push(Row::new(what, figures(&speed, bytes)));
    }
    server.stop().await?;
    let cached = format!(
        "proxy_cache_path FOLDER/cache keys_zone=cache:10m; server {{ listen ADDRESS; location / {{ proxy_pass http://{origin}; \
         proxy_cache cache; proxy_cache_valid 1h; }} }}"
    );
    match Nginx::start(bench, &cached).await {
        Ok(nginx) => {
            say(format_args!("  the same on {}", nginx.name));
            let measured = measure(bench, &nginx.endpoint, "").await?;
            for (row, (_, speed, bytes)) in rows.iter_mut().zip(&measured) {
                row.rival_figures(&nginx.name, figures(speed, *bytes));
            }
        }
        Err(error) => bench.note(format!("nginx is not compared with: {error:#}")),
    }
    Ok(rows)
}

fn figures(speed: &Speed, bytes: usize) -> Vec<Figure> {
    vec![
        Figure::new("", speed.rate, Unit::PerSecond),
        Figure::new("", speed.rate * bytes as f64 / f64::from(1 << 20), Unit::MiBPerSecond),
        Figure::new("p99", speed.latencies.millis(0.99), Unit::Milliseconds),
    ]
}

async fn measure(bench: &Bench, endpoint: &Endpoint, base: &str) -> anyhow::Result<Vec<(String, Speed, usize)>> {
    let mut all = Vec::new();
    for (name, bytes) in OBJECTS {
        let what = format!("hits of {bytes} bytes, {CLIENTS} clients");
        say(format_args!("  {what}"));
        let path = format!("{base}/{name}");
        let worker = |_| {
            let path = path.as_str();
            async move |client: &mut Client| {
                let body = client.call(Call::rest("cloudfront", Method::GET, path, "")).await?;
                if body.len() == bytes { Ok(()) } else { bail!("{} bytes of {bytes} came", body.len()) }
            }
        };
        all.push((what, Load::new(CLIENTS, bench.pace()).run(endpoint, worker).await?, bytes));
    }
    Ok(all)
}

/// A server with the objects, which may be kept for an hour.
async fn origin() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // What fails is seen by whoever asked.
            tokio::spawn(async move { answer(stream).await.ok() });
        }
    });
    Ok(address)
}

async fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (_, bytes) =
        OBJECTS.into_iter().find(|(name, _)| path.trim_start_matches('/') == *name).context("an object")?;
    let head = format!(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Type: image/png\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&vec![b'x'; bytes]).await?;
    Ok(stream.shutdown().await?)
}

/// The path of a new distribution in front of the origin.
async fn distribution(client: &mut Client, origin: SocketAddr) -> anyhow::Result<String> {
    let xml = format!(
        "<DistributionConfig><CallerReference>bench</CallerReference><Comment/><Enabled>true</Enabled><Origins><Quantity>1</Quantity><Items>\
         <Origin><Id>o</Id><DomainName>127.0.0.1</DomainName><CustomOriginConfig><HTTPPort>{}</HTTPPort><HTTPSPort>443</HTTPSPort>\
         <OriginProtocolPolicy>http-only</OriginProtocolPolicy></CustomOriginConfig></Origin></Items></Origins><DefaultCacheBehavior>\
         <TargetOriginId>o</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy>\
         <CachePolicyId>658327ea-f89d-4fab-a63d-7e88639e58f6</CachePolicyId></DefaultCacheBehavior></DistributionConfig>",
        origin.port()
    );
    let made = client.call(Call::rest("cloudfront", Method::POST, "/2020-05-31/distribution", xml)).await?;
    let text = std::str::from_utf8(&made)?;
    let domain = text.split_once("<DomainName>").and_then(|(_, rest)| rest.split_once('.'));
    Ok(format!("/_aws/cloudfront/{}", domain.context("a distribution without a name")?.0))
}
