//! Migrations: requests that a legacy backend and functions share, route by route, until the backend has nothing left to do (the
//! strangler pattern).

mod error;
mod figures;
mod front;
mod keys;
mod limits;
mod model;
mod ops;
mod route;
mod state;
mod types;
mod workers;

use std::sync::Arc;

use kv::Db;
use outbound::Outbound;
use service::{Api, Permission, Service, hosts, read, write};
use wire::Protocol;

pub use error::Error;
pub use state::Migrate;

use ops::{arn, migration, shift};

/// The service in ARNs and actions.
const NAME: &str = "cloudlet-migrate";
/// Who the service is in the policies of functions.
const PRINCIPAL: &str = "cloudlet-migrate.amazonaws.com";

const API: Api =
    Api { namespace: NAME, json: Some((Protocol::Json11, "CloudletMigrate_20261130")), ..Api::named(NAME) };

/// Reads the migrations there are. `outbound` is what reaches the backends; `own` is what the
/// server itself is called, which no migration gets.
///
/// # Errors
/// When the store cannot be read.
#[rustfmt::skip] // A table: one line an operation.
pub fn service(db: &Db, outbound: Outbound, own: hosts::Own) -> Result<Service, Error> {
    let migrate = Arc::new(Migrate::open(db, outbound, own)?);
    Ok(Service::builder(API, migrate.clone())
        .operation(write("PutMigration", migration::put).resource(|cx, i| arn(cx, &i.name)))
        .operation(read("GetMigration", migration::get).resource(|cx, i| arn(cx, &i.name)))
        .operation(read("ListMigrations", migration::list).permissions(|_, cx, _| Ok(vec![Permission::new("cloudlet-migrate:ListMigrations", arn(cx, "*"))])))
        .operation(write("DeleteMigration", migration::delete).resource(|cx, i| arn(cx, &i.name)))
        .operation(write("ShiftTraffic", shift::shift).resource(|cx, i| arn(cx, &i.name)))
        .operation(write("ShadowTraffic", shift::shadow).resource(|cx, i| arn(cx, &i.name)))
        .operation(write("ReturnTraffic", shift::back).resource(|cx, i| arn(cx, &i.name)))
        .hosts(|migrate| migrate.hosts())
        .late_worker("figures of migrations", workers::count)
        .streaming_front(front::Door(migrate))
        .build())
}
