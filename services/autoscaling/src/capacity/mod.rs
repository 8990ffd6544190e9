//! The capacities that can be scaled: read, set and measured at the service that has them.

mod function;
mod table;

use base::Arn;
use service::{Cx, Permission};

use self::function::Function;
use self::table::Throughput;
use crate::error::Error;
use crate::types::Resource;

/// The namespaces of what there is to scale.
pub const NAMESPACES: [&str; 2] = [function::NAMESPACE, table::NAMESPACE];

/// Something that has a capacity.
pub enum Scalable<'a> {
    Function(Function<'a>),
    Throughput(Throughput<'a>),
}

/// When the use of a capacity is too much or too little for a policy: what AWS's alarms watch.
pub struct Watch {
    /// So many minutes in a row with more use than the target value scale out.
    pub minutes_high: usize,
    /// The use below which it is clearly too little.
    pub low: f64,
}

impl<'a> Scalable<'a> {
    /// `None` where there is nothing of this form.
    pub fn of(namespace: &str, id: &'a str, dimension: &str) -> Option<Scalable<'a>> {
        match namespace {
            function::NAMESPACE => Function::parse(id, dimension).map(Scalable::Function),
            table::NAMESPACE => Throughput::parse(id, dimension).map(Scalable::Throughput),
            _ => None,
        }
    }

    fn stored(resource: &'a Resource) -> Result<Scalable<'a>, Error> {
        let Resource { namespace, id, dimension, .. } = resource;
        Scalable::of(namespace, id, dimension)
            .ok_or_else(|| Error::validation(format!("{id} has nothing that can be scaled")))
    }

    /// What whoever has it scaled must be allowed to do.
    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        match self {
            Scalable::Function(function) => function.permissions(cx),
            Scalable::Throughput(throughput) => throughput.permissions(cx),
        }
    }

    /// The metric that policies track.
    pub fn metric(&self) -> &'static str {
        match self {
            Scalable::Function(_) => function::METRIC,
            Scalable::Throughput(throughput) => throughput.metric(),
        }
    }

    /// # Errors
    /// When the metric cannot have this value, or AWS does not take it for a target.
    pub fn check_target(&self, value: f64) -> Result<(), Error> {
        match self {
            Scalable::Function(_) if value > 0.0 && value <= 1.0 => Ok(()),
            Scalable::Function(_) => Err(Error::validation("TargetValue must be greater than 0 and at most 1")),
            Scalable::Throughput(_) if table::TARGETS.contains(&value) => Ok(()),
            Scalable::Throughput(_) => Err(Error::validation("TargetValue must be between 20.0 and 90.0")),
        }
    }

    /// What a missing one is called.
    pub fn missing(&self) -> &'static str {
        match self {
            Scalable::Function(_) => "Lambda function or alias",
            Scalable::Throughput(throughput) => throughput.noun(),
        }
    }

    /// The end of the name of the role that AWS makes for this, and its service.
    pub fn linked_role(&self) -> (&'static str, &'static str) {
        match self {
            Scalable::Function(_) => ("LambdaConcurrency", "lambda"),
            Scalable::Throughput(_) => ("DynamoDBTable", "dynamodb"),
        }
    }
}

fn arn(cx: &Cx, resource: &Resource) -> Arn {
    cx.arn(&resource.namespace, resource.id.clone())
}

/// What the resource has now; `None` where it has nothing that could be scaled at present.
pub async fn current(cx: &Cx, resource: &Resource) -> Result<Option<u32>, Error> {
    match Scalable::stored(resource)? {
        Scalable::Function(function) => function.current(cx).await.map(Some),
        Scalable::Throughput(throughput) => throughput.current(cx).await,
    }
}

pub async fn set(cx: &Cx, resource: &Resource, capacity: u32) -> Result<(), Error> {
    match Scalable::stored(resource)? {
        Scalable::Function(function) => function.set(cx, capacity).await,
        Scalable::Throughput(throughput) => throughput.set(cx, capacity).await,
    }
}

/// How much of it is in use now, as the policy's metric counts it; `None` where there is nothing to use.
pub fn utilization(cx: &Cx, resource: &Resource) -> Result<Option<f64>, Error> {
    let measured = match Scalable::stored(resource)? {
        Scalable::Function(_) => function::MEASURED,
        Scalable::Throughput(throughput) => throughput.measured(),
    };
    cx.measure(&arn(cx, resource), measured).map_err(Error::Other)
}

/// What a policy with this target value watches for.
pub fn watch(resource: &Resource, target: f64) -> Result<Watch, Error> {
    Ok(match Scalable::stored(resource)? {
        Scalable::Function(_) => Watch { minutes_high: function::MINUTES_HIGH, low: target * function::LOW_PART },
        Scalable::Throughput(_) => Watch { minutes_high: table::MINUTES_HIGH, low: target - table::LOW_DISTANCE },
    })
}
