//! AWS Systems Manager, of which there is Parameter Store: parameters in a hierarchy, their versions, and secure strings.

mod crypt;
mod error;
mod keys;
mod limits;
mod model;
mod name;
mod not_implemented;
mod ops;
mod types;

use std::sync::Arc;

use service::{Api, Cx, Service, read, timers, write};
use wire::Protocol;

pub use error::Error;

use ops::{delete, describe, get, history, path, permission, put, tag};

/// The service's state in memory: none.
pub struct Ssm;

const API: Api = Api {
    // Its errors are told without a namespace.
    namespace: "",
    json: Some((Protocol::Json11, "AmazonSSM")),
    not_implemented: not_implemented::OPERATIONS,
    ..Api::named("ssm")
};

fn fire(_: &Ssm, cx: &Cx, tx: &mut kv::Tx, timer: &timers::Timer) -> Result<(), service::Error> {
    Ok(model::policy::fire(tx, cx, timer)?)
}

#[rustfmt::skip] // A table: one line an operation.
pub fn service() -> Service {
    Service::builder(API, Arc::new(Ssm))
        .operation(write("PutParameter", put::put).permissions(|_, cx, i| Ok(i.permissions(cx))))
        .operation(read("GetParameter", get::get).permissions(|_, cx, i| Ok(vec![permission(cx, "ssm:GetParameter", &i.name)])))
        .operation(read("GetParameters", get::get_many).permissions(|_, cx, i| Ok(i.permissions(cx, "ssm:GetParameters"))))
        .operation(read("GetParametersByPath", path::get).permissions(|_, cx, i| Ok(i.permissions(cx))))
        .operation(read("DescribeParameters", describe::describe))
        .operation(read("GetParameterHistory", history::history).permissions(|_, cx, i| Ok(vec![permission(cx, "ssm:GetParameterHistory", &i.name)])))
        .operation(write("LabelParameterVersion", history::label).permissions(|_, cx, i| Ok(vec![permission(cx, "ssm:LabelParameterVersion", &i.name)])))
        .operation(write("UnlabelParameterVersion", history::unlabel).permissions(|_, cx, i| Ok(vec![permission(cx, "ssm:UnlabelParameterVersion", &i.name)])))
        .operation(write("DeleteParameter", delete::delete).permissions(|_, cx, i| Ok(vec![permission(cx, "ssm:DeleteParameter", &i.name)])))
        .operation(write("DeleteParameters", delete::delete_many).permissions(|_, cx, i| Ok(i.permissions(cx, "ssm:DeleteParameters"))))
        .operation(write("AddTagsToResource", tag::add).permissions(|_, cx, i| Ok(i.permissions(cx, "ssm:AddTagsToResource"))))
        .operation(write("RemoveTagsFromResource", tag::remove).permissions(|_, cx, i| Ok(i.permissions(cx, "ssm:RemoveTagsFromResource"))))
        .operation(read("ListTagsForResource", tag::list).permissions(|_, cx, i| Ok(i.permissions(cx, "ssm:ListTagsForResource"))))
        .timers(fire)
        .build()
}
