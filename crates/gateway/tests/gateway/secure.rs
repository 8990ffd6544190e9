//! HTTPS: handshakes, what is chosen in them, and who takes too long for them.

use std::sync::Arc;
use std::time::Duration;

use base::Env;
use gateway::{Limits, Listener};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tls::{Certificates, FilePair, Files};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::read_to_end;
use crate::fake::{Fake, limits, start_listening};

/// A gateway that speaks HTTPS for these names, and their certificates.
struct Secured {
    fake: Fake,
    trusted: RootCertStore,
}

async fn secured(limits: Limits, names: &[&str]) -> Secured {
    let folder = tempfile::tempdir().unwrap();
    let mut trusted = RootCertStore::empty();
    let mut pairs = Vec::new();
    for name in names {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![(*name).to_owned()]).unwrap().self_signed(&key).unwrap();
        let pair = FilePair { certificate: folder.path().join(name), key: folder.path().join(format!("{name}.key")) };
        std::fs::write(&pair.certificate, certificate.pem()).unwrap();
        std::fs::write(&pair.key, key.serialize_pem()).unwrap();
        trusted.add(CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()).unwrap();
        pairs.push(pair);
    }
    let certificates = Certificates::default();
    Files::open(certificates.clone(), pairs, Env::real()).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let fake = start_listening(limits, vec![Listener::tls(socket, &certificates).unwrap()], address);
    Secured { fake, trusted }
}

impl Secured {
    async fn handshake(
        &self,
        name: &str,
        protocols: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let mut config = config.with_root_certificates(self.trusted.clone()).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = self.fake.client.connect().await;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
    }
}

const BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

#[tokio::test]
async fn certificates_are_chosen_by_name_and_both_versions_are_spoken() {
    let secured = secured(limits(), &["app.localhost", "other.localhost"]).await;
    for name in ["app.localhost", "other.localhost"] {
        for version in BOTH {
            let mut stream = secured.handshake(name, &["http/1.1"], &[version]).await.unwrap();
            stream.write_all(b"GET /x HTTP/1.1\r\nhost: app.localhost\r\nconnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("app /x 0"), "{answer}");
        }
    }
    let stranger = secured.handshake("elsewhere.example", &[], &BOTH).await;
    assert!(stranger.unwrap_err().to_string().contains("certificate"));
}

#[tokio::test]
async fn http_2_is_chosen_in_the_handshake() {
    let secured = secured(limits(), &["app.localhost"]).await;
    let stream = secured.handshake("app.localhost", &["h2", "http/1.1"], &BOTH).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("https://app.localhost/x").body(http_body_util::Empty::<bytes::Bytes>::new());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    connection.abort();
}

#[tokio::test]
async fn addresses_in_answers_are_of_https() {
    let secured = secured(limits(), &["localhost"]).await;
    let mut stream = secured.handshake("localhost", &[], &BOTH).await.unwrap();
    let asked = crate::client::json("Echo_2020.WhereAmI", "{}");
    stream.write_all(secured.fake.client.text(&asked, "connection: close\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("https://localhost eu-west-1"), "{answer}");
}

#[tokio::test]
async fn who_takes_too_long_for_a_handshake_is_let_go() {
    let wait = Duration::from_millis(100);
    let secured = secured(Limits { handshake_wait: wait, ..limits() }, &["localhost"]).await;
    // Nothing, the beginning of a record, and what is no handshake at all.
    for start in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let mut stream = secured.fake.client.connect().await;
        stream.write_all(start).await.unwrap();
        assert!(!read_to_end(&mut stream).await.contains("200 OK"));
    }
}

#[tokio::test]
async fn checks_of_names_see_nothing_when_nobody_waits_for_them() {
    let secured = secured(limits(), &["localhost"]).await;
    assert!(secured.handshake("localhost", &["acme-tls/1"], &BOTH).await.is_err());
}
