//! A connection, from its first message to its end.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-overview.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use proxy::answer::Body;
use serde_json::Value;
use service::{Cx, Farewell, Heard, Socket, Told};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Errand, failed, is_throttled, kept_out, new_id, routes_of, status_of, tell, told};
use super::{FORBIDDEN, Happening, INTERNAL, THROTTLED};
use crate::ApiGateway;
use crate::connections::{Connection, Entered, Waiting};
use crate::error::Error;
use crate::front::api_key;
use crate::keys::{ENDED, HTTP_STAGES};
use crate::limits;
use crate::route_key;
use crate::routes::websocket::{Route, Routes};
use crate::types::http::Stage;
use crate::types::websocket::{Beginning, Ended};

const IDLE_MAX: Duration = Duration::from_secs(limits::CONNECTION_IDLE_SECONDS_MAX);
const LIFE_MAX: Duration = Duration::from_secs(limits::CONNECTION_SECONDS_MAX);

/// Who went away without a word.
fn lost() -> Farewell {
    Farewell::new(1006, "")
}

fn going_away() -> Farewell {
    Farewell::new(1001, "Going away")
}

/// Holds the conversation, and tells the API's owner when it has ended: where the server ends meanwhile, at its next start, as
/// functions reach nothing any more.
pub async fn hold(state: Arc<ApiGateway>, cx: Cx, entered: Entered, socket: Option<Socket>) {
    let side = Side { state, cx, connection: entered.connection.clone() };
    let (farewell, with_server) = match socket {
        Some(socket) => side.talk(socket).await,
        None => (lost(), false),
    };
    drop(entered);
    let beginning = &side.connection.beginning;
    let turn = match with_server {
        true => None,
        false => tokio::select! {
            biased;
            () = side.cx.cloud().stopping() => None,
            turn = side.state.connections.turn(&beginning.api) => turn,
        },
    };
    let told = match turn {
        Some(_turn) => disconnected(&side.state, &side.cx, beginning, &farewell).await,
        None => {
            let ended = Ended::new(beginning, farewell);
            side.cx.db().write(move |tx| Ok(ENDED.put(tx, &ended.beginning.id, &ended)?)).await
        }
    };
    if let Err(error) = told {
        tracing::error!(%error, "nobody could be told of a connection that has ended");
    }
}

/// Tells the function behind `$disconnect`, where there is one. Callers wait for their turn before it.
pub async fn disconnected(
    state: &ApiGateway,
    cx: &Cx,
    beginning: &Beginning,
    farewell: &Farewell,
) -> Result<(), Error> {
    let cx = cx.renew();
    let Some(served) = served(state, &cx, beginning)? else { return Ok(()) };
    let Some(route) = served.routes.get(route_key::DISCONNECT).filter(|route| route.integration.is_some()) else {
        return Ok(());
    };
    let (request_id, began) = (new_id(&cx), std::time::Instant::now());
    let event = served.happening(beginning, &route.key, &request_id, cx.now()).disconnect(farewell);
    let variables = &served.stage.variables;
    let errand = Errand { state, cx: &cx, beginning, route, variables, event: &event, handshake: None };
    let mut told = event["requestContext"].clone();
    // What it answers is for nobody; that it failed is logged there.
    let answered = errand.run(&mut told).await;
    let answered = answered.map(|answer| (answer.status.as_u16(), 0)).map_err(|failure| failed(&failure));
    tell(state, beginning, &served.stage, told, answered.map_err(|(status, why)| (status.as_u16(), why)), began);
    Ok(())
}

/// The API's side of a conversation.
#[derive(Clone)]
struct Side {
    state: Arc<ApiGateway>,
    cx: Cx,
    connection: Arc<Connection>,
}

/// What happens next.
enum Next {
    Heard(Option<Heard>),
    Told(Waiting),
    /// A message has been worked on.
    Done,
    Over,
    /// So is the server.
    Stopped,
}

/// What a stage serves on a connection, as it is now.
struct Served {
    stage: Stage,
    routes: Arc<Routes>,
}

fn served(state: &ApiGateway, cx: &Cx, beginning: &Beginning) -> Result<Option<Served>, Error> {
    let read = cx.db().read()?;
    let Some(stage) = HTTP_STAGES.get(&read, (&beginning.api, &beginning.stage))? else { return Ok(None) };
    let routes = routes_of(state, &read, &beginning.api, &stage)?;
    Ok(routes.map(|routes| Served { stage, routes }))
}

impl Served {
    fn happening<'h>(
        &'h self,
        beginning: &'h Beginning,
        route: &'h str,
        request_id: &'h str,
        now: Timestamp,
    ) -> Happening<'h> {
        Happening { beginning, route, request_id, now, variables: &self.stage.variables }
    }
}

impl Side {
    /// Returns why it ended, and whether that is because the server does.
    async fn talk(&self, mut socket: Socket) -> (Farewell, bool) {
        let end = Instant::now() + LIFE_MAX;
        let mut idle_end = Instant::now() + IDLE_MAX;
        let (mut working, mut is_stopped) = (JoinSet::new(), false);
        let mut stopping = std::pin::pin!(self.cx.cloud().stopping());
        let farewell = loop {
            let next = tokio::select! {
                heard = socket.hear(), if working.len() < limits::MESSAGES_AT_ONCE_MAX => Next::Heard(heard),
                waiting = self.connection.next() => Next::Told(waiting),
                Some(_) = working.join_next() => Next::Done,
                () = sleep_until(idle_end.min(end)) => Next::Over,
                () = &mut stopping => Next::Stopped,
            };
            match next {
                Next::Done => continue,
                Next::Over => break self.part(socket, going_away()).await,
                Next::Stopped => {
                    is_stopped = true;
                    break self.part(socket, going_away()).await;
                }
                Next::Told(Waiting { told: Told::Farewell(farewell), .. }) => break self.part(socket, farewell).await,
                Next::Told(Waiting { told, room: _room }) => match timeout_at(end, socket.tell(told)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => break lost(),
                },
                Next::Heard(Some(Heard::Text(text))) => self.work_on(text, &mut working),
                // Pings are no messages: what API Gateway counts as idle is a connection without any.
                Next::Heard(Some(Heard::Sign)) => continue,
                Next::Heard(Some(Heard::Binary(_))) => {
                    break self.part(socket, Farewell::new(1003, "Binary frames are not supported")).await;
                }
                Next::Heard(Some(Heard::Wrong(farewell))) => break self.part(socket, farewell).await,
                Next::Heard(Some(Heard::Farewell(farewell))) => {
                    socket.leave().await;
                    break farewell.unwrap_or_else(|| Farewell::new(1005, "Client-side close frame status not set"));
                }
                Next::Heard(None) => break lost(),
            }
            idle_end = Instant::now() + IDLE_MAX;
        };
        // What a client has said is worked on to its end, whether it waits for that or not.
        working.detach_all();
        (farewell, is_stopped)
    }

    async fn part(&self, socket: Socket, farewell: Farewell) -> Farewell {
        self.state.connections.end(&self.connection, farewell.clone());
        socket.end(farewell.clone()).await;
        farewell
    }

    fn work_on(&self, text: String, working: &mut JoinSet<()>) {
        let side = Side { cx: self.cx.renew(), ..self.clone() };
        self.connection.touch(side.cx.now());
        let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        match self.state.connections.worked_on.clone().try_acquire_many_owned(bytes) {
            Ok(room) => drop(working.spawn(side.message(text, room))),
            Err(_) => side.tell(told(THROTTLED, &self.connection.beginning.id, &new_id(&side.cx)).into()),
        }
    }

    async fn message(self, text: String, _room: OwnedSemaphorePermit) {
        let request_id = new_id(&self.cx);
        let refused = match self.answer(&text, &request_id).await {
            Ok(Ok(answer)) => return answer.into_iter().for_each(|answer| self.tell(answer)),
            Ok(Err(refused)) => refused,
            Err(error) => {
                tracing::error!(%error, "a message to an API failed");
                INTERNAL
            }
        };
        self.tell(told(refused, &self.connection.beginning.id, &request_id).into());
    }

    /// What a message is answered, if it is; or what is to be said of why not.
    async fn answer(&self, text: &str, request_id: &str) -> Result<Result<Option<Bytes>, &'static str>, Error> {
        let beginning = &self.connection.beginning;
        let Some(served) = served(&self.state, &self.cx, beginning)? else { return Ok(Err(FORBIDDEN)) };
        let route = served.routes.of_message(text);
        let began = std::time::Instant::now();
        let key = route.map_or("", |route| &route.key);
        let event = served.happening(beginning, key, request_id, self.cx.now()).message(text, &new_id(&self.cx));
        let mut told = event["requestContext"].clone();
        let answered = match route {
            Some(route) => self.answer_on(&served, route, &event, &mut told).await?,
            None => Err(FORBIDDEN),
        };
        let bytes = |answer: &Option<Bytes>| (200, answer.as_ref().map_or(0, Bytes::len));
        let outcome = answered.as_ref().map(bytes).map_err(|refused| (status_of(refused), *refused));
        tell(&self.state, beginning, &served.stage, told, outcome, began);
        Ok(answered)
    }

    /// The same on the route that the message goes to.
    async fn answer_on(
        &self,
        served: &Served,
        route: &Route,
        event: &Value,
        told: &mut Value,
    ) -> Result<Result<Option<Bytes>, &'static str>, Error> {
        let beginning = &self.connection.beginning;
        if is_throttled(&self.state, &self.cx, &beginning.api, &served.stage, &route.key) {
            return Ok(Err(THROTTLED));
        }
        if route.api_key_required
            && let Some(refused) = self.use_key(&route.key).await?
        {
            return Ok(Err(refused));
        }
        let (state, cx, variables) = (&self.state, &self.cx, &served.stage.variables);
        let errand = Errand { state, cx, beginning, route, variables, event, handshake: None };
        Ok(match errand.run(told).await {
            Ok(answer) => {
                Ok(Some(answer.body).filter(|_| route.answers).map(bytes_of).filter(|bytes| !bytes.is_empty()))
            }
            Err(failure) => Err(failed(&failure).1),
        })
    }

    /// Why the connection's API key does not do, if so.
    async fn use_key(&self, route: &str) -> Result<Option<&'static str>, Error> {
        let beginning = &self.connection.beginning;
        let place =
            api_key::Place { region: &beginning.region, api: &beginning.api, stage: &beginning.stage, method: route };
        match api_key::admit(&self.state, &self.cx, beginning.api_key.as_deref(), &place).await {
            Ok(_) => Ok(None),
            Err(kept) => kept_out(kept).map(|(_, message)| Some(message)),
        }
    }

    /// Has the client told something. One that takes too little does not learn of it.
    fn tell(&self, message: Bytes) {
        match self.state.connections.tell(&self.connection, message) {
            Ok(()) => self.connection.touch(self.cx.env().now()),
            Err(error) => tracing::debug!(connection = self.connection.beginning.id, %error, "an answer is lost"),
        }
    }
}

fn bytes_of(body: Body) -> Bytes {
    match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes, _) => bytes,
    }
}
