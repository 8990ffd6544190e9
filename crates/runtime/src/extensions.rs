//! The extensions of one instance: who has registered, what they are told, and whether they are ready for more.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Env;
use bytes::Bytes;
use sandbox::Exit;
use serde_json::json;
use tokio::sync::watch;

use crate::channel::Request;
use crate::function::FunctionSpec;
use crate::limits::{EXTENSIONS_MAX, SHUTDOWN_EXTERNAL, SHUTDOWN_INTERNAL};
use crate::report::{Failure, exit_status};
use crate::telemetry::Telemetry;

/// What an extension can ask to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Invoke,
    Shutdown,
}

/// Why an instance leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Nobody needs it.
    Spindown,
    /// An invocation took too long.
    Timeout,
    /// The function or an extension failed.
    Failure,
}

pub(crate) struct Extensions {
    pub spec: Arc<FunctionSpec>,
    pub env: Env,
    pub telemetry: Arc<Telemetry>,
    state: Mutex<State>,
    /// Counts changes, for who waits for one.
    changes: watch::Sender<u64>,
}

struct State {
    members: Vec<Member>,
    /// Whether extensions may still register: until the function is ready.
    open: bool,
    /// What the first extension that could not go on left behind.
    failure: Option<Failure>,
}

struct Member {
    name: String,
    /// Its own process, rather than part of the runtime's.
    external: bool,
    /// Given when it registers.
    id: Option<String>,
    events: Vec<Event>,
    /// Whether it has asked for the next event since it got one.
    ready: bool,
    /// Whether it has asked for any, which ends its initialisation.
    asked: bool,
    events_waiting: VecDeque<Bytes>,
    /// What it said was wrong before its end, in Lambda's terms and in its own.
    error: Option<(&'static str, String)>,
    ended: bool,
}

/// How the initialisation of an extension went, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub name: String,
    pub state: &'static str,
    pub events: Vec<&'static str>,
    pub error_type: Option<String>,
}

/// Why a request of an extension is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Closed,
    NameTaken,
    TooMany,
    UnknownIdentifier,
    /// From which state to which, of whom.
    State(&'static str, &'static str, String),
}

impl Event {
    pub fn name(self) -> &'static str {
        if self == Event::Invoke { "INVOKE" } else { "SHUTDOWN" }
    }

    pub fn parse(name: &str) -> Option<Event> {
        [Event::Invoke, Event::Shutdown].into_iter().find(|event| event.name() == name)
    }
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Reason::Spindown => "spindown",
            Reason::Timeout => "timeout",
            Reason::Failure => "failure",
        }
    }
}

impl Member {
    fn new(name: String, external: bool) -> Member {
        let (events, events_waiting) = (Vec::new(), VecDeque::new());
        Member {
            name,
            external,
            id: None,
            events,
            ready: false,
            asked: false,
            events_waiting,
            error: None,
            ended: false,
        }
    }

    fn is_idle(&self) -> bool {
        self.ready && self.events_waiting.is_empty()
    }

    /// Whether its end need not be waited for.
    fn has_left(&self) -> bool {
        self.ended || !self.external || !self.events.contains(&Event::Shutdown)
    }

    fn state(&self) -> &'static str {
        match (&self.error, self.ready, &self.id) {
            (Some(("Extension.InitError", _)), ..) => "InitError",
            (Some(_), ..) => "ExitError",
            (None, true, _) => "Ready",
            (None, false, Some(_)) => {
                if self.asked {
                    "Running"
                } else {
                    "Registered"
                }
            }
            (None, false, None) => "Started",
        }
    }

    fn standing(&self) -> Standing {
        let events = self.events.iter().map(|event| event.name()).collect();
        let error_type = self.error.as_ref().map(|(_, own)| own.clone());
        Standing { name: self.name.clone(), state: self.state(), events, error_type }
    }
}

impl Extensions {
    /// `launched` are the names of those that are processes of their own.
    pub fn new(spec: Arc<FunctionSpec>, env: Env, launched: &[String], telemetry: Arc<Telemetry>) -> Extensions {
        let members = launched.iter().map(|name| Member::new(name.clone(), true)).collect();
        let state = State { members, open: true, failure: None };
        Extensions { spec, env, telemetry, state: Mutex::new(state), changes: watch::Sender::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes who waits for a change.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        result
    }

    /// Waits until `is_so` of the state.
    async fn until<T>(&self, mut is_so: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(result) = is_so(&mut self.state()) {
                return result;
            }
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    /// Whether the extension of this name has a process of its own.
    pub fn is_external(&self, name: &str) -> bool {
        self.state().members.iter().any(|member| member.external && member.name == name)
    }

    /// Takes in an extension, and gives its identifier.
    pub fn register(&self, name: &str, events: Vec<Event>) -> Result<String, Refusal> {
        let id = self.env.uuid();
        self.change(|state| {
            let member = match state.members.iter().position(|member| member.external && member.name == name) {
                Some(place) => state.members.get_mut(place),
                None => Some(state.enter(name)?),
            };
            let member = member.ok_or(Refusal::UnknownIdentifier)?;
            if member.id.is_some() {
                return Err(Refusal::State(member.state(), "Registered", name.into()));
            }
            (member.id, member.events) = (Some(id.clone()), events);
            Ok(id)
        })
    }

    /// The name of the extension with this identifier.
    pub fn name_of(&self, id: &str) -> Result<String, Refusal> {
        self.state().member(id).map(|member| member.name.clone())
    }

    /// Waits for the next event of the extension with this identifier.
    pub async fn next(&self, id: &str) -> Result<Bytes, Refusal> {
        self.change(|state| {
            let member = state.member(id)?;
            if member.error.is_some() {
                return Err(Refusal::State(member.state(), "Ready", id.into()));
            }
            (member.ready, member.asked) = (true, true);
            Ok(())
        })?;
        let event = self.until(|state| state.member(id).ok()?.events_waiting.pop_front()).await;
        self.change(|state| state.member(id).map(|member| member.ready = false))?;
        Ok(event)
    }

    /// An extension says why it is about to end. The first word counts.
    pub fn failed(&self, id: &str, kind: &'static str, own: String) -> Result<(), Refusal> {
        self.change(|state| {
            let member = state.member(id)?;
            if kind == "Extension.InitError" && member.asked {
                return Err(Refusal::State(member.state(), "InitError", id.into()));
            }
            member.error.get_or_insert((kind, own));
            Ok(())
        })
    }

    /// The process of an extension has ended.
    pub fn ended(&self, name: &str, exit: Exit, was_launched: bool) {
        self.change(|state| {
            let Some(member) = state.members.iter_mut().find(|member| member.external && member.name == name) else {
                return;
            };
            member.ended = true;
            let error_type = match &member.error {
                Some((kind, _)) => kind,
                None if !was_launched => "Extension.LaunchError",
                None => "Extension.Crash",
            };
            let failure = Failure::extension(error_type, &exit_status(exit));
            state.failure.get_or_insert(failure);
        });
    }

    /// Waits until every extension with a process of its own has registered.
    pub async fn registered(&self) -> Result<(), Failure> {
        self.until(|state| state.settled(|member| !member.external || member.id.is_some())).await
    }

    /// Waits until every extension is ready for another event.
    pub async fn settled(&self) -> Result<(), Failure> {
        self.until(|state| state.settled(Member::is_idle)).await
    }

    /// Whether every extension is ready now. One that has failed is not.
    pub fn are_settled(&self) -> bool {
        let state = self.state();
        state.failure.is_none() && state.members.iter().all(Member::is_idle)
    }

    /// Waits for an extension that cannot go on.
    pub async fn failure(&self) -> Failure {
        self.until(|state| state.failure.clone()).await
    }

    /// The initialisation is over, and nobody registers any more. Tells how it went for each extension.
    pub fn close(&self) -> Vec<Standing> {
        self.change(|state| {
            state.open = false;
            state.members.iter().map(Member::standing).collect()
        })
    }

    /// Tells those that want to know that an invocation begins.
    pub fn invoke(&self, request: &Request<'_>) {
        let invocation = request.invocation;
        let mut event = json!({
            "eventType": "INVOKE",
            "deadlineMs": request.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.invoked_function_arn,
        });
        if let (Some(trace_id), Some(event)) = (&invocation.trace_id, event.as_object_mut()) {
            event.insert("tracing".into(), json!({"type": "X-Amzn-Trace-Id", "value": trace_id}));
        }
        self.tell(Event::Invoke, &event.to_string().into());
    }

    /// Tells those that want to know that the instance ends, and waits until they have ended.
    pub async fn shut_down(&self, reason: Reason, deadline_ms: u64) {
        let event = json!({"eventType": "SHUTDOWN", "shutdownReason": reason.name(), "deadlineMs": deadline_ms});
        self.tell(Event::Shutdown, &event.to_string().into());
        self.until(|state| state.members.iter().all(Member::has_left).then_some(())).await;
    }

    fn tell(&self, event: Event, text: &Bytes) {
        self.change(|state| {
            let told = state.members.iter_mut().filter(|member| member.id.is_some() && member.events.contains(&event));
            told.for_each(|member| member.events_waiting.push_back(text.clone()));
        });
    }

    /// How long the end of the instance may take; `None` when nobody wants to see it coming.
    pub fn grace(&self) -> Option<Duration> {
        let state = self.state();
        let mut registered = state.members.iter().filter(|member| member.id.is_some()).peekable();
        registered.peek()?;
        Some(if registered.any(|member| member.external) { SHUTDOWN_EXTERNAL } else { SHUTDOWN_INTERNAL })
    }
}

impl State {
    /// Makes room for an extension inside the runtime.
    fn enter(&mut self, name: &str) -> Result<&mut Member, Refusal> {
        if !self.open {
            return Err(Refusal::Closed);
        }
        if self.members.iter().any(|member| member.name == name) {
            return Err(Refusal::NameTaken);
        }
        if self.members.len() >= EXTENSIONS_MAX {
            return Err(Refusal::TooMany);
        }
        self.members.push(Member::new(name.into(), false));
        self.members.last_mut().ok_or(Refusal::TooMany)
    }

    fn member(&mut self, id: &str) -> Result<&mut Member, Refusal> {
        let member = self.members.iter_mut().find(|member| member.id.as_deref() == Some(id));
        member.ok_or(Refusal::UnknownIdentifier)
    }

    fn settled(&self, is_so: impl Fn(&Member) -> bool) -> Option<Result<(), Failure>> {
        match &self.failure {
            Some(failure) => Some(Err(failure.clone())),
            None => self.members.iter().all(is_so).then_some(Ok(())),
        }
    }
}
