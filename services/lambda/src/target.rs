//! Functions as the target of other services: events through the outbox, and calls that wait for the answer.

use std::sync::Arc;

use base::{Arn, Region};
use bytes::Bytes;
use service::{BoxFuture, Cx, Delivery, Error, Invoked, Outcome, Permission, Target};

use crate::Lambda;
use crate::invoke::{self, Request, event};
use crate::limits;
use crate::model::{function, policy};
use crate::name::FunctionRef;
use crate::provisioning;

pub struct FunctionTarget(pub Arc<Lambda>);

impl Target for FunctionTarget {
    /// The limits of functions decide, not the outbox.
    fn in_flight_max(&self) -> usize {
        limits::CONCURRENT_EXECUTIONS as usize
    }

    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let lambda = self.0.clone();
        Box::pin(async move { event::deliver(&lambda, &cx, &delivery).await })
    }

    fn admits(&self, cx: &Cx, to: &Arn) -> Result<(), Error> {
        let reference = FunctionRef::of_arn(to).ok_or_else(|| crate::Error::function_not_found(to))?;
        function::resolve(&cx.db().read()?, &reference, 1.0)?;
        check_permission(cx, &reference, to)
    }

    fn invoke(&self, cx: Cx, to: Arn, event: Bytes) -> BoxFuture<Result<Invoked, Error>> {
        let lambda = self.0.clone();
        Box::pin(async move { answer(&lambda, &cx, &to, event).await })
    }

    fn measure(&self, cx: &Cx, of: &Arn, metric: &str) -> Result<Option<f64>, Error> {
        let reference = FunctionRef::of_arn(of).ok_or_else(|| crate::Error::function_not_found(of))?;
        match metric {
            UTILIZATION => Ok(provisioning::utilization(&self.0, &cx.db().read()?, &reference)?),
            _ => Err(Error::not_implemented(format_args!("measuring {metric} of {of}"))),
        }
    }
}

/// The part of a function's provisioned concurrency that is in use.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
const UTILIZATION: &str = "ProvisionedConcurrencyUtilization";

async fn answer(lambda: &Lambda, cx: &Cx, to: &Arn, event: Bytes) -> Result<Invoked, Error> {
    let reference = FunctionRef::of_arn(to).ok_or_else(|| crate::Error::function_not_found(to))?;
    check_permission(cx, &reference, to)?;
    let payload = invoke::validate(event, limits::PAYLOAD_BYTES_MAX, "InvokeFunction")?;
    let cx = cx.cloud().cx(cx.caller().clone(), Region::new(to.region.as_str()), None);
    let request = Request { request_id: cx.request_id().to_owned(), payload, client_context: None, arn: to.clone() };
    let ran = invoke::run(lambda, &cx, &reference, request).await?;
    Ok(Invoked {
        payload: ran.outcome.payload,
        function_error: ran.outcome.function_error.map(str::to_owned),
        executed_version: ran.version,
    })
}

/// Whoever brings an event needs permission, where it is not our own.
pub(crate) fn check_permission(cx: &Cx, reference: &FunctionRef, to: &Arn) -> Result<(), Error> {
    let policy = policy::find(&cx.db().read()?, reference)?;
    cx.authorize_delivery(Permission {
        resource_policy: policy.as_ref().map(policy::document),
        ..Permission::new("lambda:InvokeFunction", to)
    })
}
