//! What of the network a function reaches.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// A function that makes the sockets `[family, type, options, address]` of its event's first part, tries the `[family,
/// type, own address, to]` of its second, and keeps the sockets, or closes them first when there is a third.
const HOLDS: &str = r#"
import errno, socket
def make(family, kind, options, address):
    s = socket.socket(family, kind); s.settimeout(2)
    for option in options: s.setsockopt(*option)
    if address: s.bind(tuple(address))
    if kind == 1 and address: s.listen()
    return s
def reach(family, kind, options, address, to):
    try:
        s = socket.socket(family, kind); s.settimeout(2)
        for option in options: s.setsockopt(*option)
        if address: s.bind(tuple(address))
        if kind == 1: s.connect(tuple(to))
        else: s.sendto(b"x", tuple(to))
        return "reached"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
def handler(event, context):
    held = [make(*one) for one in event[0]]
    if len(event) > 2: [one.close() for one in held]
    return [reach(*one) for one in event[1]]
"#;

// As Linux numbers address families and types of sockets.
const V4: i32 = 2;
const V6: i32 = 10;
const TCP: i32 = 1;
const UDP: i32 = 2;

/// A service of the host, and its port, at which there is nothing else, whatever the protocol and address.
fn service(address: &str) -> (TcpListener, u16) {
    let port = free_port();
    (TcpListener::bind((address, port)).unwrap(), port)
}

/// A port that is nobody's. It is none of those that the kernel gives away: other tests get such meanwhile. It was not bound to see
/// that: a process that another test begins would have the socket for a moment more.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let tables = ["tcp", "udp", "tcp6", "udp6"].map(|table| std::fs::read_to_string(format!("/proc/self/net/{table}")));
    let is_taken = |port: u32| {
        let end = format!(":{port:04X}");
        let mut lines = tables.iter().flatten().flat_map(|table| table.lines());
        lines.any(|line| line.split_ascii_whitespace().nth(1).is_some_and(|address| address.ends_with(&end)))
    };
    let next = || (std::process::id() + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000 + 20_000;
    let port = std::iter::repeat_with(next).find(|port| !is_taken(*port)).unwrap();
    u16::try_from(port).unwrap()
}

#[tokio::test]
async fn its_own_port_is_of_one_protocol_and_family() {
    let harness = Harness::new();
    let (_v4, port) = service("127.0.0.1");
    let mut held = vec![json!([V4, UDP, [], ["127.0.0.1", port]]), json!([V6, UDP, [], ["::1", port]])];
    let reaches_it = json!([V4, TCP, [], null, ["127.0.0.1", port]]);
    let own = json!([V4, UDP, [], null, ["127.0.0.1", port]]);
    let answers = harness.value(&harness.python(HOLDS), &json!([held, [reaches_it, own]]).to_string()).await;
    assert_eq!(answers, json!(["EPERM", "reached"]));
    held = vec![json!([V6, TCP, [[41, 26, 1]], ["::", port]])];
    let answers = harness.value(&harness.python(HOLDS), &json!([held, [reaches_it]]).to_string()).await;
    assert_eq!(answers, json!(["EPERM"]), "a socket that serves IPv6 alone");
}

#[tokio::test]
async fn what_it_serves_on_both_families_is_its_own_on_both() {
    let harness = Harness::new();
    for kind in [TCP, UDP] {
        let port = free_port();
        let held = json!([[V6, kind, [], ["::", port]]]);
        let tries =
            [(V4, "127.0.0.1"), (V4, "127.9.9.9"), (V4, "0.0.0.0"), (V6, "::ffff:127.0.0.1"), (V6, "::1"), (V6, "::")];
        let tries: Vec<Value> = tries.iter().map(|(family, to)| json!([family, kind, [], null, [to, port]])).collect();
        let answers = harness.value(&harness.python(HOLDS), &json!([held, tries]).to_string()).await;
        assert_eq!(answers, json!(vec!["reached"; 6]), "{kind}");
    }
}

#[tokio::test]
async fn what_it_serves_no_longer_is_not_its_own() {
    let harness = Harness::new();
    let spec = harness.python(HOLDS);
    let port = free_port();
    let held = json!([[V4, TCP, [[1, 2, 1]], ["127.0.0.1", port]], [V4, UDP, [], ["127.0.0.1", port]]]);
    let tries = json!([[V4, TCP, [], null, ["127.0.0.1", port]], [V4, UDP, [], null, ["127.0.0.1", port]]]);
    let answers = harness.value(&spec, &json!([held, [], "closed"]).to_string()).await;
    assert_eq!(answers, json!([]));
    let _services = (TcpListener::bind(("127.0.0.1", port)).unwrap(), UdpSocket::bind(("127.0.0.1", port)).unwrap());
    let answers = harness.value(&spec, &json!([[], tries]).to_string()).await;
    assert_eq!(answers, json!(["EPERM", "EPERM"]));
}

/// An address of zeros means the one that a socket is bound to.
#[tokio::test]
async fn any_address_is_not_a_way_to_another() {
    let harness = Harness::new();
    let (listener, port) = service("127.0.0.9");
    listener.set_nonblocking(true).unwrap();
    let held = json!([[V4, TCP, [], ["127.0.0.1", port]], [V6, TCP, [], ["::1", port]]]);
    let tries = json!([
        [V4, TCP, [], ["127.0.0.9", 0], ["0.0.0.0", port]],
        [V6, TCP, [], ["::ffff:127.0.0.9", 0], ["::ffff:0.0.0.0", port]],
        [V6, TCP, [], ["::ffff:127.0.0.9", 0], ["::", port]],
    ]);
    let answers = harness.value(&harness.python(HOLDS), &json!([held, tries]).to_string()).await;
    assert!(listener.accept().is_err(), "{answers}");
}

#[tokio::test]
async fn a_broadcast_does_not_reach_others_of_a_port() {
    let harness = Harness::new();
    let service = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None).unwrap();
    rustix::net::sockopt::set_socket_reuseaddr(&service, true).unwrap();
    rustix::net::bind(&service, &std::net::SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let service = UdpSocket::from(service);
    service.set_nonblocking(true).unwrap();
    let port = service.local_addr().unwrap().port();
    let held = json!([[V4, UDP, [[1, 2, 1]], ["0.0.0.0", port]]]);
    let tries = json!([[V4, UDP, [[1, 6, 1]], null, ["127.255.255.255", port]]]);
    let answers = harness.value(&harness.python(HOLDS), &json!([held, tries]).to_string()).await;
    assert_eq!((answers, service.recv(&mut [0]).is_err()), (json!(["EPERM"]), true));
}

#[tokio::test]
async fn protocols_that_nobody_guards_are_refused() {
    let harness = Harness::new();
    let source = "import socket, errno\ndef refused(*a):\n  try: socket.socket(*a).close(); return 'fine'\n  except OSError as e: return errno.errorcode[e.errno]\ndef handler(e, c): return [refused(2, 1, 132), refused(2, 5, 132), refused(2, 2, 136), refused(2, 1, 262), refused(2, 2, 1), refused(2, 1, 6), refused(10, 2, 17), refused(2, 5, 0), refused(2, 6, 0), refused(10, 6, 0), refused(16, 3, 0), refused(16, 3, 9), refused(16, 2, 4), refused(40, 1, 0), refused(1, 5, 0)]";
    let answers = harness.value(&harness.python(source), "{}").await;
    assert_eq!(
        answers,
        json!([
            "EPERM", "EPERM", "EPERM", "EPERM", "EPERM", "fine", "fine", "EPERM", "EPERM", "EPERM", "fine", "EPERM",
            "EPERM", "EPERM", "fine"
        ])
    );
}
