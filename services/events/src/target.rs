//! Buses as the target of other services and of rules.

use std::sync::Arc;

use base::Arn;
use kv::Tx;
use serde_json::{Map, Value};
use service::{Cx, Delivery, Permission, Target};

use crate::error::Error;
use crate::model::bus;
use crate::model::send::Publication;
use crate::name::{BusRef, rule_of};
use crate::roles::PRINCIPAL;
use crate::{Events, event};

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
        if !is_service_event(cx, &on) {
            cx.authorize_delivery(permission)?;
        }
        let event: Map<String, Value> = serde_json::from_slice(&delivery.event)
            .map_err(|_| Error::validation("Parameter Detail is not valid. Reason: an event is a JSON object."))?;
        if let Some(missing) = ["id", "source", "detail-type", "detail"].iter().find(|name| !event.contains_key(**name))
        {
            return Err(Error::parameter("Entry", format_args!("{missing} is a required member of an event.")).into());
        }
        let publication = Publication::new(cx, &self.0.indexes);
        let came_by_rule = rule_of(&delivery.from).is_some();
        let mut publication = if came_by_rule { publication.passed_on() } else { publication };
        publication.publish(tx, &on, &event, |_| true)?;
        tracing::debug!(bus = on.name, id = event::text(&event, "id"), "an event came from a target");
        Ok(())
    }
}

/// What the cloud's services tell of themselves comes to the default bus, and needs no permission there.
fn is_service_event(cx: &Cx, on: &BusRef) -> bool {
    on.is_default() && cx.caller().as_service().is_some_and(|service| service != PRINCIPAL)
}
