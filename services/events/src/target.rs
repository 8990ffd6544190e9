//! Buses as the target of other services and of rules, and what requests are sent for.

use std::sync::Arc;

use base::Arn;
use kv::Tx;
use serde_json::{Map, Value, json};
use service::{BoxFuture, Cx, Delivery, Outcome, Permission, Target, events};

use crate::error::Error;
use crate::model::bus;
use crate::model::send::Publication;
use crate::name::{BusRef, is_api_destination, rule_of};
use crate::{Events, api_destination, event};

pub struct EventsTarget(pub Arc<Events>);

impl Target for EventsTarget {
    fn is_layer(&self, to: &Arn) -> bool {
        to.resource.starts_with("event-bus/")
    }

    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), service::Error> {
        // Buses of every region are here, those of other accounts are not.
        let on = BusRef::of(delivery.to.clone()).filter(|on| on.arn.account == cx.account().as_str());
        let on = on.ok_or_else(|| Error::bus_not_found(&delivery.to.resource))?;
        let found = bus::find(tx, &on)?;
        let permission =
            Permission { resource_policy: found.policy, ..Permission::new("events:PutEvents", &delivery.to) };
        let is_emitted = events::is_emitted(delivery);
        if !is_emitted {
            cx.authorize_delivery(permission)?;
        }
        let mut event: Map<String, Value> = serde_json::from_slice(&delivery.event)
            .map_err(|_| Error::validation("Parameter Detail is not valid. Reason: an event is a JSON object."))?;
        if is_emitted {
            event.insert("id".into(), json!(cx.request_id()));
        }
        if let Some(missing) = ["id", "source", "detail-type", "detail"].iter().find(|name| !event.contains_key(**name))
        {
            return Err(Error::parameter("Entry", format_args!("{missing} is a required member of an event.")).into());
        }
        let publication = Publication::new(cx, &self.0.indexes);
        let came_by_rule = rule_of(&delivery.from).is_some();
        let mut publication = if came_by_rule { publication.passed_on() } else { publication };
        publication.publish(tx, &on, &event, |_| true)?;
        tracing::debug!(bus = on.name, id = event::text(&event, "id"), "an event was delivered");
        Ok(())
    }

    /// API destinations get their requests, and connections their tokens.
    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let events = self.0.clone();
        Box::pin(async move {
            let outcome = match is_api_destination(&delivery.to) {
                true => api_destination::invoke(&events, &cx, &delivery).await,
                false => api_destination::authorize_new(&events, &cx, &delivery).await,
            };
            outcome.unwrap_or_else(|error| Outcome::Failed((&service::Error::from(error)).into()))
        })
    }

    fn awaits(&self, tx: &Tx, to: &Arn, source: &str, detail_type: &str) -> Result<bool, service::Error> {
        let Some(on) = BusRef::of(to.clone()) else { return Ok(false) };
        Ok(self.0.indexes.of(tx, &on)?.awaits(source, detail_type))
    }
}
