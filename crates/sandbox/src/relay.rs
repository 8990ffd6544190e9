//! Brings messages (UDP) of a function to an address outside of its own network, and the answers back.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

/// How long an answer is waited for, and a message.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The longest message of UDP.
const MESSAGE_BYTES_MAX: usize = 65_535;

/// Serves until nobody has sent anything for long. `socket` is one of the function's network, in which it takes the place of `to`;
/// `place` is that of this socket among those that the function may need, of which each sender takes another.
pub(crate) fn serve(
    socket: OwnedFd,
    to: SocketAddr,
    place: OwnedSemaphorePermit,
) -> io::Result<impl Future<Output = ()> + use<>> {
    bind(&socket, to)?;
    let socket = std::net::UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    let inside = Arc::new(UdpSocket::from_std(socket)?);
    Ok(async move {
        if let Err(error) = bring(inside, to, place).await {
            tracing::debug!(%error, %to, "the messages of a function are not brought to an address any more");
        }
    })
}

async fn bring(inside: Arc<UdpSocket>, to: SocketAddr, place: OwnedSemaphorePermit) -> io::Result<()> {
    let mut clients: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut answers = JoinSet::new();
    let mut message = vec![0; MESSAGE_BYTES_MAX];
    loop {
        let received = tokio::time::timeout(WAIT_MAX, inside.recv_from(&mut message)).await;
        while let Some(ended) = answers.try_join_next() {
            ended.iter().for_each(|client| drop(clients.remove(client)));
        }
        let (length, client) = match received {
            Ok(received) => received?,
            Err(_) if clients.is_empty() => return Ok(()),
            Err(_) => continue,
        };
        let outside = match clients.get(&client) {
            Some(outside) => outside.clone(),
            None => {
                let Ok(place) = place.semaphore().clone().try_acquire_owned() else { continue };
                let outside = Arc::new(connect(to).await?);
                clients.insert(client, outside.clone());
                answers.spawn(bring_back(outside.clone(), inside.clone(), client, place));
                outside
            }
        };
        // What is lost is lost, as elsewhere.
        let _ = outside.send(message.get(..length).unwrap_or_default()).await;
    }
}

async fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let outside = UdpSocket::bind((any, 0)).await?;
    outside.connect(to).await?;
    Ok(outside)
}

/// Until no answer has come for long. Gives whose answers they were.
async fn bring_back(
    outside: Arc<UdpSocket>,
    inside: Arc<UdpSocket>,
    client: SocketAddr,
    _place: OwnedSemaphorePermit,
) -> SocketAddr {
    let mut message = vec![0; MESSAGE_BYTES_MAX];
    while let Ok(answer) = tokio::time::timeout(WAIT_MAX, outside.recv(&mut message)).await {
        // An error says that nobody listens there: the next message may find somebody.
        if let Ok(length) = answer {
            let _ = inside.send_to(message.get(..length).unwrap_or_default(), client).await;
        }
    }
    client
}

/// Takes an address that no device has.
fn bind(socket: &OwnedFd, to: SocketAddr) -> io::Result<()> {
    const IPV6_FREEBIND: libc::c_int = 78;
    let (level, option) =
        if to.is_ipv4() { (libc::IPPROTO_IP, libc::IP_FREEBIND) } else { (libc::IPPROTO_IPV6, IPV6_FREEBIND) };
    let yes: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value is as long as said.
    let answer = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const yes).cast(), length) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(rustix::net::bind(socket, &to)?)
}
