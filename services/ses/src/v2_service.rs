//! The operations of version 2.

use std::sync::Arc;

use service::{Api, Service, read, write};

use crate::bindings;
use crate::links::Links;
use crate::ops::v2::{
    account, configuration_set, event_destination, identity, policy, send, suppression, tag, template,
};
use crate::sender::SesSender;
use crate::target::SesTarget;
use crate::{Ses, model, not_implemented, workers};

const API: Api = Api {
    model: "sesv2",
    namespace: "com.amazonaws.sesv2",
    not_implemented: not_implemented::V2,
    not_implemented_paths: not_implemented::V2_PATHS,
    ..Api::named("ses")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<Ses>) -> Service {
    Service::builder(API, state.clone())
        .operation(write("SendEmail", send::send).rest(&bindings::SEND_EMAIL).permissions(|_, cx, i| send::send_permissions(cx, i)))
        .operation(write("SendBulkEmail", send::send_bulk).rest(&bindings::SEND_BULK_EMAIL).permissions(|_, cx, i| send::bulk_permissions(cx, i)))
        .operation(write("CreateEmailIdentity", identity::create).rest(&bindings::CREATE_EMAIL_IDENTITY).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(read("GetEmailIdentity", identity::get).rest(&bindings::GET_EMAIL_IDENTITY).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("DeleteEmailIdentity", identity::delete).rest(&bindings::DELETE_EMAIL_IDENTITY).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(read("ListEmailIdentities", identity::list).rest(&bindings::LIST_EMAIL_IDENTITIES))
        .operation(write("PutEmailIdentityDkimAttributes", identity::put_dkim).rest(&bindings::PUT_EMAIL_IDENTITY_DKIM_ATTRIBUTES).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("PutEmailIdentityDkimSigningAttributes", identity::put_dkim_signing).rest(&bindings::PUT_EMAIL_IDENTITY_DKIM_SIGNING_ATTRIBUTES).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("PutEmailIdentityMailFromAttributes", identity::put_mail_from).rest(&bindings::PUT_EMAIL_IDENTITY_MAIL_FROM_ATTRIBUTES).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("PutEmailIdentityFeedbackAttributes", identity::put_feedback).rest(&bindings::PUT_EMAIL_IDENTITY_FEEDBACK_ATTRIBUTES).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("PutEmailIdentityConfigurationSetAttributes", identity::put_configuration_set).rest(&bindings::PUT_EMAIL_IDENTITY_CONFIGURATION_SET_ATTRIBUTES).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("CreateEmailIdentityPolicy", policy::create).rest(&bindings::CREATE_EMAIL_IDENTITY_POLICY).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("UpdateEmailIdentityPolicy", policy::update).rest(&bindings::UPDATE_EMAIL_IDENTITY_POLICY).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("DeleteEmailIdentityPolicy", policy::delete).rest(&bindings::DELETE_EMAIL_IDENTITY_POLICY).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(read("GetEmailIdentityPolicies", policy::get).rest(&bindings::GET_EMAIL_IDENTITY_POLICIES).resource(|cx, i| model::identity::arn(cx, &i.email_identity)))
        .operation(write("CreateEmailTemplate", template::create).rest(&bindings::CREATE_EMAIL_TEMPLATE).resource(|cx, i| cx.arn("ses", format!("template/{}", i.template_name))))
        .operation(read("GetEmailTemplate", template::get).rest(&bindings::GET_EMAIL_TEMPLATE).resource(|cx, i| cx.arn("ses", format!("template/{}", i.template_name))))
        .operation(write("UpdateEmailTemplate", template::update).rest(&bindings::UPDATE_EMAIL_TEMPLATE).resource(|cx, i| cx.arn("ses", format!("template/{}", i.template_name))))
        .operation(write("DeleteEmailTemplate", template::delete).rest(&bindings::DELETE_EMAIL_TEMPLATE).resource(|cx, i| cx.arn("ses", format!("template/{}", i.template_name))))
        .operation(read("ListEmailTemplates", template::list).rest(&bindings::LIST_EMAIL_TEMPLATES))
        .operation(read("TestRenderEmailTemplate", template::render).rest(&bindings::TEST_RENDER_EMAIL_TEMPLATE).resource(|cx, i| cx.arn("ses", format!("template/{}", i.template_name))))
        .operation(write("PutSuppressedDestination", suppression::put).rest(&bindings::PUT_SUPPRESSED_DESTINATION))
        .operation(read("GetSuppressedDestination", suppression::get).rest(&bindings::GET_SUPPRESSED_DESTINATION))
        .operation(write("DeleteSuppressedDestination", suppression::delete).rest(&bindings::DELETE_SUPPRESSED_DESTINATION))
        .operation(read("ListSuppressedDestinations", suppression::list).rest(&bindings::LIST_SUPPRESSED_DESTINATIONS))
        .operation(read("GetAccount", account::get).rest(&bindings::GET_ACCOUNT))
        .operation(write("PutAccountSendingAttributes", account::put_sending).rest(&bindings::PUT_ACCOUNT_SENDING_ATTRIBUTES))
        .operation(write("PutAccountSuppressionAttributes", account::put_suppression).rest(&bindings::PUT_ACCOUNT_SUPPRESSION_ATTRIBUTES))
        .operation(write("PutAccountDetails", account::put_details).rest(&bindings::PUT_ACCOUNT_DETAILS))
        .operation(write("CreateConfigurationSet", configuration_set::create).rest(&bindings::CREATE_CONFIGURATION_SET).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(read("GetConfigurationSet", configuration_set::get).rest(&bindings::GET_CONFIGURATION_SET).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("DeleteConfigurationSet", configuration_set::delete).rest(&bindings::DELETE_CONFIGURATION_SET).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(read("ListConfigurationSets", configuration_set::list).rest(&bindings::LIST_CONFIGURATION_SETS))
        .operation(write("PutConfigurationSetSendingOptions", configuration_set::put_sending).rest(&bindings::PUT_CONFIGURATION_SET_SENDING_OPTIONS).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("PutConfigurationSetReputationOptions", configuration_set::put_reputation).rest(&bindings::PUT_CONFIGURATION_SET_REPUTATION_OPTIONS).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("PutConfigurationSetDeliveryOptions", configuration_set::put_delivery).rest(&bindings::PUT_CONFIGURATION_SET_DELIVERY_OPTIONS).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("PutConfigurationSetTrackingOptions", configuration_set::put_tracking).rest(&bindings::PUT_CONFIGURATION_SET_TRACKING_OPTIONS).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("PutConfigurationSetSuppressionOptions", configuration_set::put_suppression).rest(&bindings::PUT_CONFIGURATION_SET_SUPPRESSION_OPTIONS).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("CreateConfigurationSetEventDestination", event_destination::create).rest(&bindings::CREATE_CONFIGURATION_SET_EVENT_DESTINATION).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(read("GetConfigurationSetEventDestinations", event_destination::get).rest(&bindings::GET_CONFIGURATION_SET_EVENT_DESTINATIONS).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("UpdateConfigurationSetEventDestination", event_destination::update).rest(&bindings::UPDATE_CONFIGURATION_SET_EVENT_DESTINATION).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("DeleteConfigurationSetEventDestination", event_destination::delete).rest(&bindings::DELETE_CONFIGURATION_SET_EVENT_DESTINATION).resource(|cx, i| cx.arn("ses", format!("configuration-set/{}", i.configuration_set_name))))
        .operation(write("TagResource", tag::tag).rest(&bindings::TAG_RESOURCE).resource(|_, i| i.resource_arn.clone()))
        .operation(write("UntagResource", tag::untag).rest(&bindings::UNTAG_RESOURCE).resource(|_, i| i.resource_arn.clone()))
        .operation(read("ListTagsForResource", tag::list).rest(&bindings::LIST_TAGS_FOR_RESOURCE).resource(|_, i| i.resource_arn.clone()))
        .target(SesTarget(state))
        .sender(SesSender)
        .front(Links)
        .timers(workers::fire)
        .build()
}
