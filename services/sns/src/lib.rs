//! Amazon SNS: standard and FIFO topics, and what their subscribers get.

mod delivery_policy;
mod error;
mod filter;
mod http_endpoint;
mod keys;
mod limits;
mod links;
mod message_attributes;
mod model;
mod not_implemented;
mod notification;
mod ops;
mod redrive;
mod signature;
mod subscription_attributes;
mod target;
mod topic_attributes;
mod topic_policy;
mod types;
mod workers;

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use kv::Read;
use mail::Mailer;
use outbound::{Outbound, Pace};
use service::{Api, Cx, QueryApi, Service, read, write};
use wire::query::Names;

pub use error::Error;

use keys::SIGNING_KEY;
use model::fan_out::Sender;
use ops::{data_protection, permission, permissions, publish, subscription, tag, topic};
use signature::Signer;

/// What SNS reaches the outside with.
pub struct Config {
    /// The URL under which who gets a message reaches this server, for the links in it.
    pub base: String,
    pub mailer: Mailer,
    pub outbound: Outbound,
}

/// The service's state in memory.
pub struct Sns {
    config: Config,
    signer: OnceLock<Arc<Signer>>,
    pace: Pace,
}

impl Sns {
    pub fn new(config: Config) -> Arc<Sns> {
        Arc::new(Sns { config, signer: OnceLock::new(), pace: Pace::default() })
    }

    /// Makes the key that messages are signed with, unless there is one.
    async fn prepare_signer(&self, cx: &Cx) -> Result<(), Error> {
        if self.signer.get().is_none() {
            let signer = Signer::open(cx).await?;
            self.signer.get_or_init(|| Arc::new(signer));
        }
        Ok(())
    }

    /// What signs. There is one as soon as there is a topic.
    fn signer(&self, read: &(impl Read + ?Sized)) -> Result<Arc<Signer>, Error> {
        if let Some(signer) = self.signer.get() {
            return Ok(signer.clone());
        }
        let key = SIGNING_KEY.get(read, ())?.ok_or(Error::NoSuchTopic)?;
        let signer = Signer::new(key)?;
        Ok(self.signer.get_or_init(|| Arc::new(signer)).clone())
    }

    fn sender<'a>(&'a self, signer: &'a Signer) -> Sender<'a> {
        Sender { signer, base: &self.config.base, sent: Cell::new(0) }
    }

    fn base(&self) -> &str {
        &self.config.base
    }

    fn mailer(&self) -> &Mailer {
        &self.config.mailer
    }

    fn outbound(&self) -> &Outbound {
        &self.config.outbound
    }

    fn pace(&self) -> &Pace {
        &self.pace
    }
}

const XMLNS: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

const API: Api = Api {
    query: Some(QueryApi { version: "2010-03-31", xmlns: XMLNS, names: &Names::NONE, path_member: None }),
    access_denied: "AuthorizationError",
    not_implemented: not_implemented::SNS,
    ..Api::named("sns")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(sns: Arc<Sns>) -> Service {
    Service::builder(API, sns.clone())
        .operation(write("CreateTopic", topic::create).resource(|cx, i| cx.arn("sns", &i.name)))
        .operation(write("DeleteTopic", topic::delete).permissions(|_, cx, i| permissions(cx, "sns:DeleteTopic", &i.topic_arn)))
        .operation(read("ListTopics", topic::list))
        .operation(read("GetTopicAttributes", topic::get_attributes).permissions(|_, cx, i| permissions(cx, "sns:GetTopicAttributes", &i.topic_arn)))
        .operation(write("SetTopicAttributes", topic::set_attributes).permissions(|_, cx, i| permissions(cx, "sns:SetTopicAttributes", &i.topic_arn)))
        .operation(write("AddPermission", permission::add).permissions(|_, cx, i| permissions(cx, "sns:AddPermission", &i.topic_arn)))
        .operation(write("RemovePermission", permission::remove).permissions(|_, cx, i| permissions(cx, "sns:RemovePermission", &i.topic_arn)))
        .operation(write("Subscribe", subscription::subscribe).permissions(|_, cx, i| subscription::subscribe_permissions(cx, i)))
        .operation(write("ConfirmSubscription", subscription::confirm).permissions(|_, cx, i| permissions(cx, "sns:ConfirmSubscription", &i.topic_arn)))
        .operation(write("Unsubscribe", subscription::unsubscribe))
        .operation(read("ListSubscriptions", subscription::list))
        .operation(read("ListSubscriptionsByTopic", subscription::list_by_topic).permissions(|_, cx, i| permissions(cx, "sns:ListSubscriptionsByTopic", i.topic_arn.as_deref().unwrap_or_default())))
        .operation(read("GetSubscriptionAttributes", subscription::get_attributes))
        .operation(write("SetSubscriptionAttributes", subscription::set_attributes))
        .operation(write("Publish", publish::publish).permissions(|_, cx, i| permissions(cx, "sns:Publish", i.topic())))
        .operation(write("PublishBatch", publish::publish_batch).permissions(|_, cx, i| permissions(cx, "sns:Publish", &i.topic_arn)))
        .operation(write("TagResource", tag::tag).permissions(|_, cx, i| permissions(cx, "sns:TagResource", &i.resource_arn)))
        .operation(write("UntagResource", tag::untag).permissions(|_, cx, i| permissions(cx, "sns:UntagResource", &i.resource_arn)))
        .operation(read("ListTagsForResource", tag::list).permissions(|_, cx, i| permissions(cx, "sns:ListTagsForResource", &i.resource_arn)))
        .operation(read("GetDataProtectionPolicy", data_protection::get).permissions(|_, cx, i| permissions(cx, "sns:GetDataProtectionPolicy", &i.resource_arn)))
        .operation(write("PutDataProtectionPolicy", data_protection::put).permissions(|_, cx, i| permissions(cx, "sns:PutDataProtectionPolicy", &i.resource_arn)))
        .target(target::SnsTarget(sns.clone()))
        .sender(redrive::Redrive)
        .front(links::Links(sns))
        .timers(workers::fire)
        .worker("sns archives", workers::expire)
        .build()
}
