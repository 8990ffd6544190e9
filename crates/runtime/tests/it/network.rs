//! What of the network a function reaches.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;

use runtime::FunctionSpec;
use serde_json::{Value, json};

use crate::harness::{Harness, node, python};

/// Tries each `[kind, address]` and tells whether it was reached, refused by the guard, or what else happened.
const REACHES: &str = r#"
import errno, socket
TCP4, TCP6, UDP4, UDP6 = [(f, t) for t in (1, 2) for f in (2, 10)]
def reach(how, where):
    if how == "abstract":
        s = socket.socket(socket.AF_UNIX); address = "\0" + where
    else:
        s = socket.socket(*dict(tcp4=TCP4, tcp6=TCP6, udp4=UDP4, udp6=UDP6, sendmsg=UDP4, fastopen=TCP4)[how]); address = tuple(where)
    s.settimeout(2)
    try:
        if how.startswith("udp"): s.sendto(b"x", address)
        elif how == "sendmsg": s.sendmsg([b"x"], [], 0, address)
        elif how == "fastopen": s.sendto(b"x", 0x20000000, address)
        else: s.connect(address)
        return "reached"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    finally: s.close()
def handler(event, context):
    return [reach(*one) for one in event]
"#;

async fn reaches(harness: &Harness, spec: &Arc<FunctionSpec>, attempts: Value) -> Vec<String> {
    let answers = harness.value(spec, &attempts.to_string()).await;
    answers.as_array().unwrap().iter().map(|answer| answer.as_str().unwrap().to_string()).collect()
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn services_of_the_host_are_not_within_reach() {
    let harness = Harness::new();
    let spec = harness.python(REACHES);
    let (v4, v6) = (TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), TcpListener::bind((Ipv6Addr::LOCALHOST, 0)));
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (tcp_port, udp_port) = (port(&v4), udp.local_addr().unwrap().port());
    let mut attempts = json!([
        ["tcp4", ["127.0.0.1", tcp_port]],
        ["tcp4", ["127.1.2.3", tcp_port]],
        ["tcp4", ["0.0.0.0", tcp_port]],
        ["tcp6", ["::ffff:127.0.0.1", tcp_port]],
        ["tcp6", ["::", tcp_port]],
        ["fastopen", ["127.0.0.1", tcp_port]],
        ["udp4", ["127.0.0.1", udp_port]],
        ["sendmsg", ["127.0.0.1", udp_port]],
        ["udp6", ["::ffff:127.0.0.1", udp_port]],
        ["tcp4", ["169.254.169.254", 80]],
        ["tcp6", ["fd00:ec2::254", 80]],
    ]);
    if let Ok(v6) = &v6 {
        attempts.as_array_mut().unwrap().push(json!(["tcp6", ["::1", port(v6)]]));
    }
    let answers = reaches(&harness, &spec, attempts.clone()).await;
    for (attempt, answer) in attempts.as_array().unwrap().iter().zip(&answers) {
        assert_eq!(answer, "EPERM", "{attempt}");
    }
    v4.set_nonblocking(true).unwrap();
    udp.set_nonblocking(true).unwrap();
    assert!(v4.accept().is_err() && udp.recv(&mut [0]).is_err());
}

#[tokio::test]
async fn what_is_configured_is_reached() {
    let (database, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (cloud, allowed) = (TcpListener::bind("127.0.0.1:0").unwrap(), port(&database));
    let harness = Harness::with(|config| config.loopback_ports = vec![allowed]);
    let mut spec = harness.function("f", python(), "index.handler", &[("index.py", REACHES)]);
    spec.endpoint_url = format!("http://127.0.0.1:{}", port(&cloud));
    let at = |listener: &TcpListener| json!(["tcp4", ["127.0.0.1", port(listener)]]);
    let answers = reaches(&harness, &Arc::new(spec), json!([at(&database), at(&cloud), at(&other)])).await;
    assert_eq!(answers, ["reached", "reached", "EPERM"]);
}

#[tokio::test]
async fn sockets_without_a_place_are_not_within_reach() {
    let name = format!("cloudlet-test-{}", std::process::id());
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let harness = Harness::new();
    assert_eq!(reaches(&harness, &harness.python(REACHES), json!([["abstract", name]])).await, ["EPERM"]);
}

#[tokio::test]
async fn it_reaches_what_it_serves_itself() {
    let harness = Harness::new();
    let source = r#"
import socket, threading
def serve(family, address):
    s = socket.socket(family); s.bind((address, 0)); s.listen()
    threading.Thread(target=lambda: s.accept()[0].sendall(b"own"), daemon=True).start()
    return s.getsockname()[1]
def handler(event, context):
    cases = [(2, "127.0.0.1", "127.0.0.1"), (2, "0.0.0.0", "127.0.0.1"), (10, "::", "127.0.0.1")]
    return [socket.create_connection((to, serve(family, at)), 2).recv(3).decode() for family, at, to in cases]
"#;
    assert_eq!(harness.value(&harness.python(source), "{}").await, json!(["own", "own", "own"]));
    let source = "const http = require('http')\nexports.handler = () => new Promise((done, fail) => { const s = http.createServer((q, r) => r.end('own')).listen(0, () => http.get({ port: s.address().port, host: '127.0.0.1', agent: false }, (r) => r.on('data', (d) => { s.close(); done(String(d)) })).on('error', fail)) })";
    let spec = Arc::new(harness.function("node", node(), "index.handler", &[("index.js", source)]));
    assert_eq!(harness.value(&spec, "{}").await, "own");
}

#[tokio::test]
async fn what_one_serves_is_not_another_ones() {
    let harness = Harness::new();
    let source = "import socket\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\ndef handler(e, c): return s.getsockname()[1]";
    let serves = Arc::new(harness.function("serves", python(), "index.handler", &[("index.py", source)]));
    let port = harness.value(&serves, "{}").await;
    let other = harness.python(REACHES);
    assert_eq!(reaches(&harness, &other, json!([["tcp4", ["127.0.0.1", port]]])).await, ["EPERM"]);
}

#[tokio::test]
async fn protocols_that_nobody_guards_are_refused() {
    let harness = Harness::new();
    let source = "import socket, errno\ndef refused(*a):\n  try: socket.socket(*a).close(); return 'fine'\n  except OSError as e: return errno.errorcode[e.errno]\ndef handler(e, c): return [refused(2, 1, 132), refused(2, 5, 132), refused(2, 2, 136), refused(2, 1, 262), refused(2, 2, 1), refused(2, 1, 6), refused(10, 2, 17)]";
    let answers = harness.value(&harness.python(source), "{}").await;
    assert_eq!(answers, json!(["EPERM", "EPERM", "EPERM", "EPERM", "EPERM", "fine", "fine"]));
}
