//! Hits of a distribution's cache: small and large objects, out of memory.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Load, Speed};
use crate::report::{Figure, Row, Unit, say};
use crate::rivals::free_address;

pub const CASE: Case = Case {
    name: "cdn",
    about: "objects out of a distribution's cache, 32 clients",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const CLIENTS: usize = 32;
/// Paths of the origin, and how many bytes are there.
const OBJECTS: [(&str, usize); 2] = [("4k", 4 << 10), ("1m", 1 << 20)];
const RIVAL_WAIT_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let origin = origin().await?;
    let (server, _data) = bench.server_reaching(origin.port()).await?;
    let base = distribution(&mut server.client()?, origin).await?;
    let mut rows = Vec::new();
    for (what, speed, bytes) in measure(bench, &server.endpoint, &base).await? {
        rows.push(Row::new(what, figures(&speed, bytes)));
    }
    server.stop().await?;
    match rival(bench, origin).await {
        Ok((_process, name, endpoint)) => {
            say(format_args!("  the same on {name}"));
            let measured = measure(bench, &endpoint, "").await?;
            for (row, (_, speed, bytes)) in rows.iter_mut().zip(&measured) {
                row.rival_figures(&name, figures(speed, *bytes));
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

/// nginx with a cache in front of the origin, where it is installed: as many workers as there are cores, and no log.
async fn rival(bench: &Bench, origin: SocketAddr) -> anyhow::Result<(Child, String, Endpoint)> {
    if bench.options.no_rivals {
        bail!("no rivals are wanted");
    }
    let version = Command::new("nginx").arg("-v").output().await.context("it is not installed")?;
    let version = String::from_utf8_lossy(&version.stderr).trim().rsplit('/').next().unwrap_or_default().to_owned();
    let (folder, address) = (bench.data_folder()?.keep(), free_address()?);
    std::fs::write(folder.join("nginx.conf"), configuration(&folder, address, origin))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-g", "daemon off;"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let process = command.spawn()?;
    let answers = async {
        while TcpStream::connect(address).await.is_err() {
            sleep(POLL).await;
        }
    };
    timeout(RIVAL_WAIT_MAX, answers).await.context("it does not start")?;
    let credentials = auth::sigv4::Credentials { access_key_id: "x".into(), secret: "x".into(), session_token: None };
    Ok((process, format!("nginx {version}"), Endpoint { address, credentials }))
}

fn configuration(folder: &Path, address: SocketAddr, origin: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "user root; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;\n\
         proxy_cache_path {folder}/cache keys_zone=cache:10m; proxy_temp_path {folder}/temp; client_body_temp_path {folder}/body;\n\
         fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
         server {{ listen {address}; location / {{ proxy_pass http://{origin}; proxy_cache cache; proxy_cache_valid 1h; }} }} }}\n"
    )
}
