//! nginx as it is installed, to compare with: as many workers as there are cores, and no log.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Bench;
use crate::client::Endpoint;
use crate::rivals::free_address;

const WAIT_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// One that runs. Killed when dropped.
pub struct Nginx {
    /// With its version.
    pub name: String,
    pub endpoint: Endpoint,
    _process: Child,
}

impl Nginx {
    /// Starts it; `http` is the inside of its configuration's `http`, where `FOLDER` stands for a folder of its own and `ADDRESS` for
    /// where it listens.
    ///
    /// # Errors
    /// Why there is none to compare with.
    pub async fn start(bench: &Bench, http: &str) -> anyhow::Result<Nginx> {
        if bench.options.no_rivals {
            bail!("no rivals are wanted");
        }
        let version = Command::new("nginx").arg("-v").output().await.context("it is not installed")?;
        let version = String::from_utf8_lossy(&version.stderr).trim().rsplit('/').next().unwrap_or_default().to_owned();
        let (folder, address) = (bench.data_folder()?.keep(), free_address()?);
        std::fs::write(folder.join("nginx.conf"), configuration(&folder.display().to_string(), address, http))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-g", "daemon off;"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let process = command.spawn()?;
        let answers = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(POLL).await;
            }
        };
        timeout(WAIT_MAX, answers).await.context("it does not start")?;
        let credentials =
            auth::sigv4::Credentials { access_key_id: "x".into(), secret: "x".into(), session_token: None };
        Ok(Nginx { name: format!("nginx {version}"), endpoint: Endpoint { address, credentials }, _process: process })
    }
}

fn configuration(folder: &str, address: SocketAddr, http: &str) -> String {
    let http = http.replace("FOLDER", folder).replace("ADDRESS", &address.to_string());
    format!(
        "user root; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;\n\
         proxy_temp_path {folder}/temp; client_body_temp_path {folder}/body;\n\
         fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
         {http} }}\n"
    )
}
