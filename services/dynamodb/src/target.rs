//! What others measure of tables: how much of their throughput is used.

use std::sync::Arc;

use base::Arn;
use service::{Cx, Error as ServiceError, Target};

use crate::DynamoDb;
use crate::error::Error;
use crate::model::table;
use crate::throttle::Direction;

/// Tables, and their indexes.
pub struct Tables(pub Arc<DynamoDb>);

impl Target for Tables {
    fn measure(&self, cx: &Cx, of: &Arn, metric: &str) -> Result<Option<f64>, ServiceError> {
        let direction = match metric {
            "ReadCapacityUtilization" => Direction::Read,
            "WriteCapacityUtilization" => Direction::Write,
            _ => return Err(ServiceError::not_implemented(format_args!("measuring {metric} of {of}"))),
        };
        let missing = || Error::ResourceNotFound(format!("Requested resource not found: {of}"));
        let place = of.resource.strip_prefix("table/").ok_or_else(missing)?;
        let (name, index) = place.split_once("/index/").map_or((place, None), |(name, index)| (name, Some(index)));
        let table = table::find(&cx.db().read().map_err(Error::from)?, &of.region, name)?;
        let index = match index {
            Some(index) => Some(table.index(index).ok_or_else(missing)?.0),
            None => None,
        };
        Ok(self.0.throttle.utilization(&table, index, direction, cx.now()))
    }
}
