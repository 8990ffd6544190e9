//! Who is connected, and what each does: so that who only waits makes room for who wants something, and who takes nothing
//! of an answer is let go.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a connection has to have been idle to be let go for another: an answer's end may still be on its way.
pub(crate) const IDLE_MIN: Duration = Duration::from_secs(1);

/// Bytes of an answer that are handed to HTTP/2 at once, which keeps what it is handed until the client takes it.
const PIECE_BYTES: usize = 64 << 10;

/// All connections.
#[derive(Default)]
pub(crate) struct Presences(Mutex<HashMap<u64, Arc<Presence>>>);

/// One connection.
pub(crate) struct Presence {
    /// Where it is from, as far as that is counted.
    address: Option<IpAddr>,
    state: Mutex<State>,
    /// Rung when there is a reason to look whether it is to leave.
    look: Notify,
}

struct State {
    /// Requests under way, until their answers have been handed on to the end.
    running: usize,
    /// Whether something waits to be taken by the client: over HTTP/1 the end of an answer that has been handed on.
    waiting: bool,
    /// Since when there is neither.
    idle: Instant,
    /// Answers of which the client has to take something before more is asked for, and since when.
    handed: HashMap<u64, Instant>,
    next: u64,
    /// Requests that the client has called off, less those that were answered.
    called_off: u32,
    /// Whether another wants its place.
    leaving: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Presences {
    pub fn enter(&self, number: u64, address: Option<IpAddr>) -> Arc<Presence> {
        let (handed, idle) = (HashMap::new(), Instant::now());
        let state = State { running: 0, waiting: false, idle, handed, next: 0, called_off: 0, leaving: false };
        let presence = Arc::new(Presence { address, state: Mutex::new(state), look: Notify::new() });
        locked(&self.0).insert(number, presence.clone());
        presence
    }

    pub fn leave(&self, number: u64) {
        locked(&self.0).remove(&number);
    }

    /// Has the connection leave that has been idle longest, and at least for [`IDLE_MIN`]: among all, or those of an address.
    /// Tells whether there is one.
    pub fn let_go_of_idle(&self, address: Option<IpAddr>) -> bool {
        let all = locked(&self.0);
        let asked = all.values().filter(|presence| address.is_none() || presence.address == address);
        let idle = asked.filter_map(|presence| Some((presence.idle_since()?, presence)));
        let oldest = idle.min_by_key(|(since, _)| *since).filter(|(since, _)| since.elapsed() >= IDLE_MIN);
        oldest.inspect(|(_, presence)| presence.leave()).is_some()
    }

    /// Whether nobody has wanted anything for this long.
    pub fn are_idle(&self, wait: Duration) -> bool {
        let is_idle = |presence: &Arc<Presence>| presence.idle_since().is_some_and(|since| since.elapsed() >= wait);
        locked(&self.0).values().all(is_idle)
    }
}

impl Presence {
    fn idle_since(&self) -> Option<Instant> {
        let state = locked(&self.state);
        (state.running == 0 && !state.waiting).then_some(state.idle)
    }

    fn leave(&self) {
        locked(&self.state).leaving = true;
        self.look.notify_one();
    }

    /// Whether it is to leave; not, if a request has come meanwhile.
    fn is_to_leave(&self) -> bool {
        let asked = std::mem::take(&mut locked(&self.state).leaving);
        asked && self.idle_since().is_some()
    }

    /// Something waits to be taken by the client, or does not any more.
    pub fn waits(&self, waiting: bool) {
        let mut state = locked(&self.state);
        state.waiting = waiting;
        state.idle = Instant::now();
    }

    /// A request begins, and lasts until this is dropped.
    pub fn begin(self: &Arc<Presence>) -> Running {
        let mut state = locked(&self.state);
        state.running += 1;
        state.next += 1;
        Running { presence: self.clone(), number: state.next, answered: false }
    }

    /// A request under way waits for a client that is not known, and counts as none until this is dropped.
    pub fn wait_for_stranger(self: &Arc<Presence>) -> Awaited {
        let mut state = locked(&self.state);
        state.running = state.running.saturating_sub(1);
        state.idle = Instant::now();
        Awaited(self.clone())
    }

    /// Waits until another connection is to have this one's place, or its client has taken nothing of an answer for `wait`, or
    /// has called more than `called_off` requests off.
    pub async fn ended(&self, wait: Duration, called_off: u32) {
        loop {
            let oldest = {
                let state = locked(&self.state);
                if state.called_off > called_off {
                    return;
                }
                state.handed.values().min().copied()
            };
            match oldest.map(|since| since + wait) {
                Some(until) if until <= Instant::now() => return,
                until => tokio::select! {
                    () = self.look.notified() => {
                        if self.is_to_leave() {
                            return;
                        }
                    }
                    () = tokio::time::sleep_until(until.unwrap_or_else(|| Instant::now() + wait)) => {}
                },
            }
        }
    }
}

/// See [`Presence::wait_for_stranger`].
pub(crate) struct Awaited(Arc<Presence>);

impl Drop for Awaited {
    fn drop(&mut self) {
        locked(&self.0.state).running += 1;
    }
}

/// A request under way.
pub(crate) struct Running {
    presence: Arc<Presence>,
    number: u64,
    answered: bool,
}

impl Running {
    /// There is an answer. A client that goes before has called the request off.
    pub fn answered(&mut self) {
        self.answered = true;
    }

    fn handed(&self) {
        locked(&self.presence.state).handed.insert(self.number, Instant::now());
    }

    fn asked(&self) {
        locked(&self.presence.state).handed.remove(&self.number);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.asked();
        let mut state = locked(&self.presence.state);
        state.running = state.running.saturating_sub(1);
        state.idle = Instant::now();
        if self.answered {
            state.called_off = state.called_off.saturating_sub(1);
        } else {
            state.called_off += 1;
            self.presence.look.notify_one();
        }
    }
}

/// An answer that is handed on in pieces, and noted while its client has to take one.
pub(crate) struct Answer<B> {
    body: B,
    /// What is left of the frame that is handed on.
    rest: Bytes,
    running: Running,
    /// Over HTTP/1 the connection itself sees what is taken.
    is_http_2: bool,
}

impl<B> Answer<B> {
    pub fn new(body: B, mut running: Running, is_http_2: bool) -> Answer<B> {
        running.answered();
        // Its head is handed on now.
        if is_http_2 {
            running.handed();
        }
        Answer { body, rest: Bytes::new(), running, is_http_2 }
    }

    fn piece(&mut self) -> Bytes {
        self.running.handed();
        self.rest.split_to(self.rest.len().min(PIECE_BYTES))
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let answer = &mut *self;
        if !answer.is_http_2 {
            return Pin::new(&mut answer.body).poll_frame(context);
        }
        answer.running.asked();
        if answer.rest.is_empty() {
            let frame = ready!(Pin::new(&mut answer.body).poll_frame(context));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => answer.rest = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(answer.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        inner.upper().into_iter().for_each(|upper| hint.set_upper(upper + rest));
        hint
    }
}
