//! What a service is made of: operations with their permissions, the context of a request, and the two ways that
//! services reach each other: a call now ([`Cx::call`]), or a delivery that commits with a write ([`outbox::send`]).
//!
//! A service is a value ([`Service`]): its API, its operations and its background work. [`Cloud`] holds them all.

mod background;
mod body;
mod caller;
mod certificates;
mod cloud;
mod codec;
mod constraints;
mod cors;
mod cx;
mod delivery;
mod error;
pub mod events;
mod front;
pub mod hosts;
pub mod journal;
pub mod keys;
pub mod objects;
mod operation;
pub mod outbox;
mod peer;
pub mod prefix;
mod refusals;
mod retry;
pub mod roles;
mod room;
mod service;
mod socket;
mod streamed;
pub mod streams;
mod target;
pub mod timers;
mod upload;
mod user_pools;
mod witness;
mod written;

pub use background::Worker;
pub use body::{Body, Broken, Event, Events};
pub use caller::{Access, Caller, CallerKind, Credential, CredentialError, Denial, Permission, SessionFacts};
pub use certificates::{Certificate, Certificates};
pub use cloud::{Cloud, CloudBuilder};
pub use codec::WireRequest;
pub use constraints::{Constraints, Violations};
pub use cors::{Cors, CorsAnswer};
pub use cx::Cx;
pub use delivery::{
    Attribute, AttributeValue, Delivery, Failure, HttpProperties, Outcome, Properties, Sender, backoff,
};
pub use error::Error;
pub use front::{Arrival, Front, FrontAddress, PeerAddr};
pub use operation::{Effect, Operation, OperationBuilder, read, request_tags, write};
pub use peer::Peer;
pub use retry::RetryPolicy;
pub use room::Room;
pub use service::{Api, QueryApi, Service, ServiceBuilder, XmlApi};
pub use socket::{Conversation, Duplex, Farewell, Gone, Heard, Socket, SocketWish, Told};
pub use streamed::{Download, News, Nothing, Streamed};
pub use target::{Invoked, Prepared, Target};
pub use upload::{Form, Input, Intake, Posted, Trailers, Upload, Uploaded};
pub use user_pools::{PoolKeys, UserPools};
pub use witness::{Answered, Asked, ErrorCode, Witness, witnessed};
pub use written::WrittenNames;

/// A future that can be kept in a table of handlers.
pub type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;
