//! What one client may take.

use std::time::Duration;

/// The bounds of a gateway. The defaults suit a small server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Request line and headers together, in bytes. Past it: 431.
    pub header_bytes: usize,
    /// A body that is not for a service which sets its own limit, in bytes. Past it: 413. API Gateway's is 10 MB:
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>
    pub body_bytes: usize,
    /// A body whose sender has shown no access key that exists, in bytes. Past it: the error that would have come
    /// later, so that nobody fills the memory without being known.
    pub stranger_body_bytes: usize,
    /// All bodies of calls that are in memory at the same time, in bytes. Past it: 503. Those of requests to services' fronts have
    /// half as much of their own.
    pub buffered_bytes: usize,
    /// How long a TLS handshake may take.
    pub handshake_wait: Duration,
    /// How long the next request's headers may take to arrive on a connection; so also how long one may idle.
    pub header_wait: Duration,
    /// How long a body may take to arrive, beyond the time that its size takes at 32 KiB/s. Past it: 408.
    pub body_wait: Duration,
    /// How long an answer may wait without any of it being taken; then the connection ends.
    pub answer_wait: Duration,
    /// Connections at the same time. Further ones take the places of those that have been idle longest, or wait.
    pub connections: usize,
    /// WebSockets of services' fronts at the same time, which do not count as connections. Past it: 503.
    pub websockets: usize,
    /// Both together from one address (of IPv6, from one network of 64 bits): trusted proxies may have more, and this machine itself.
    /// A further one takes the place of the address's own that has been idle longest, or is closed.
    pub address_connections: usize,
    /// Signed requests of one caller at the same time. Past it: that the rate is exceeded.
    pub caller_requests: usize,
    /// Unsigned requests of one address at the same time, as of a caller; those to services' fronts count, except from trusted
    /// proxies and this machine itself.
    pub address_requests: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams: u32,
    /// Requests on one connection that its client has called off, beyond those that it let be answered. Past it, the connection
    /// ends: to call off costs a client nothing (CVE-2023-44487).
    pub called_off: u32,
    /// How long running requests may take to finish once the server stops.
    pub shutdown_wait: Duration,
}

/// Bodies of calls have so many times the room that those of requests to fronts have.
const FRONT_BYTES_DIVISOR: usize = 2;

impl Limits {
    pub(crate) fn front_buffered_bytes(&self) -> usize {
        self.buffered_bytes / FRONT_BYTES_DIVISOR
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            header_bytes: 64 << 10,
            body_bytes: 10 << 20,
            stranger_body_bytes: 32 << 10,
            buffered_bytes: 1 << 30,
            handshake_wait: Duration::from_secs(10),
            header_wait: Duration::from_secs(60),
            body_wait: Duration::from_secs(30),
            answer_wait: Duration::from_secs(60),
            connections: 10_000,
            websockets: 20_000,
            address_connections: 1_000,
            caller_requests: 2_500,
            address_requests: 250,
            streams: 256,
            called_off: 1_000,
            shutdown_wait: Duration::from_secs(10),
        }
    }
}
