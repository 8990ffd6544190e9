//! Cloudlet's own API, which the command line uses beside AWS's: any operation by its JSON members, stacks and
//! packages of deployments, and what runs. Like every other, it is signed and authorized.

mod backup;
mod call;
mod events;
mod executions;
mod iam;
mod mails;
mod named;
mod packages;
mod scrub;
mod stacks;
mod status;

use std::sync::Arc;

use archive::Archiver;
use blob::Blobs;
use cloudfront::CloudFront;
use service::{Api, Cx, Service, read, write};
use wire::Protocol;

pub use backup::Backups;
pub use named::Named;
pub use status::Instances;

/// The part of `X-Amz-Target` before the dot.
pub const TARGET: &str = "Cloudlet_20261101";

/// A function's package is at most 50 MB, a third more in base64, and travels inside a call.
const BODY_BYTES_MAX: usize = 96 << 20;

const API: Api = Api {
    namespace: "cloudlet",
    json: Some((Protocol::Json11, TARGET)),
    body_bytes_max: BODY_BYTES_MAX,
    ..Api::named("cloudlet")
};

pub struct Control {
    pub packages: Blobs,
    pub instances: Arc<dyn Instances>,
    pub backups: Backups,
    /// Where objects are kept.
    pub objects: Arc<s3::S3>,
    /// Where everything is copied to as it is committed, if anywhere.
    pub archiver: Option<Arc<Archiver>>,
    pub cdn: Arc<CloudFront>,
    pub identity: Arc<::iam::Identity>,
}

fn stack_arn(cx: &Cx, name: &str) -> String {
    cx.arn("cloudlet", format!("stack/{name}")).to_string()
}

fn package_arn(cx: &Cx, sha256: &str) -> String {
    cx.arn("cloudlet", format!("package/{sha256}")).to_string()
}

#[rustfmt::skip] // A table: one line an operation.
pub fn service(control: Control) -> Service {
    Service::builder(API, Arc::new(control))
        // The operation that is called asks for its own permissions.
        .operation(write("Call", call::call).permissions(|_, _, _| Ok(Vec::new())))
        .operation(read("GetStatus", status::get))
        .operation(read("GetEvents", events::get))
        .operation(write("RedriveEvents", events::redrive).resource(|_, i| i.resource().to_owned()))
        .operation(read("GetExecutions", executions::get).resource(|cx, i| cx.arn("lambda", format!("function:{}", i.function_name)).to_string()))
        .operation(read("ListMail", mails::list))
        .operation(read("GetMail", mails::get))
        .operation(read("ListDenials", iam::denials))
        .operation(read("SuggestPolicy", iam::suggest).resource(|_, i| i.principal.clone()))
        .operation(read("GetStack", stacks::get).resource(|cx, i| stack_arn(cx, &i.name)))
        .operation(write("PutStack", stacks::put).resource(|cx, i| stack_arn(cx, &i.name)))
        .operation(write("DeleteStack", stacks::delete).resource(|cx, i| stack_arn(cx, &i.name)))
        .operation(read("ListStacks", stacks::list).resource(|cx, _| stack_arn(cx, "*")))
        .operation(read("GetPackage", packages::get).resource(|cx, i| package_arn(cx, &i.sha256)))
        .operation(write("PutPackage", packages::put).resource(|cx, i| package_arn(cx, &i.sha256)))
        .operation(write("DeletePackage", packages::delete).resource(|cx, i| package_arn(cx, &i.sha256)))
        .operation(read("StartBackup", backup::start).action("cloudlet:Backup"))
        .operation(read("ReadBackup", backup::read).action("cloudlet:Backup"))
        .operation(write("Scrub", scrub::step))
        .build()
}

/// The answer of operations that have nothing to say.
#[derive(Debug, serde::Serialize)]
struct Empty {}
