//! The operations of version 1.

use std::sync::Arc;

use service::{Api, QueryApi, Service, read, write};
use wire::query::Names;

use crate::ops::v1::{account, configuration_set, identity, notification, policy, send, template};
use crate::{Ses, not_implemented};

const XMLNS: &str = "http://ses.amazonaws.com/doc/2010-12-01/";

const API: Api = Api {
    query: Some(QueryApi { version: "2010-12-01", xmlns: XMLNS, names: &Names::NONE, path_member: None }),
    access_denied: "AccessDenied",
    not_implemented: not_implemented::V1,
    ..Api::named("ses")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<Ses>) -> Service {
    Service::builder(API, state)
        .operation(write("SendEmail", send::send).permissions(|_, cx, i| send::send_permissions(cx, i)))
        .operation(write("SendRawEmail", send::send_raw).permissions(|_, cx, i| send::raw_permissions(cx, i)))
        .operation(write("SendTemplatedEmail", send::send_templated).permissions(|_, cx, i| send::templated_permissions(cx, i)))
        .operation(write("SendBulkTemplatedEmail", send::send_bulk).permissions(|_, cx, i| send::bulk_permissions(cx, i)))
        .operation(write("VerifyEmailIdentity", identity::verify_email))
        .operation(write("VerifyEmailAddress", identity::verify_address))
        .operation(write("VerifyDomainIdentity", identity::verify_domain))
        .operation(write("VerifyDomainDkim", identity::verify_dkim))
        .operation(read("ListIdentities", identity::list))
        .operation(read("ListVerifiedEmailAddresses", identity::list_addresses))
        .operation(write("DeleteIdentity", identity::delete))
        .operation(write("DeleteVerifiedEmailAddress", identity::delete_address))
        .operation(read("GetIdentityVerificationAttributes", identity::verification))
        .operation(read("GetIdentityDkimAttributes", identity::dkim))
        .operation(write("SetIdentityDkimEnabled", identity::set_dkim))
        .operation(read("GetIdentityMailFromDomainAttributes", identity::mail_from))
        .operation(write("SetIdentityMailFromDomain", identity::put_mail_from))
        .operation(read("GetIdentityNotificationAttributes", notification::get))
        .operation(write("SetIdentityNotificationTopic", notification::set_topic))
        .operation(write("SetIdentityHeadersInNotificationsEnabled", notification::set_headers))
        .operation(write("SetIdentityFeedbackForwardingEnabled", notification::set_forwarding))
        .operation(write("PutIdentityPolicy", policy::put))
        .operation(read("GetIdentityPolicies", policy::get))
        .operation(read("ListIdentityPolicies", policy::list))
        .operation(write("DeleteIdentityPolicy", policy::delete))
        .operation(write("CreateTemplate", template::create))
        .operation(read("GetTemplate", template::get))
        .operation(write("UpdateTemplate", template::update))
        .operation(write("DeleteTemplate", template::delete))
        .operation(read("ListTemplates", template::list))
        .operation(read("TestRenderTemplate", template::render))
        .operation(read("GetSendQuota", account::get_quota))
        .operation(read("GetSendStatistics", account::get_statistics))
        .operation(read("GetAccountSendingEnabled", account::get_enabled))
        .operation(write("UpdateAccountSendingEnabled", account::set_enabled))
        .operation(write("CreateConfigurationSet", configuration_set::create))
        .operation(read("DescribeConfigurationSet", configuration_set::describe))
        .operation(write("DeleteConfigurationSet", configuration_set::delete))
        .operation(read("ListConfigurationSets", configuration_set::list))
        .operation(write("CreateConfigurationSetEventDestination", configuration_set::create_destination))
        .operation(write("UpdateConfigurationSetEventDestination", configuration_set::update_destination))
        .operation(write("DeleteConfigurationSetEventDestination", configuration_set::delete_destination))
        .operation(write("UpdateConfigurationSetSendingEnabled", configuration_set::set_sending))
        .operation(write("UpdateConfigurationSetReputationMetricsEnabled", configuration_set::set_reputation_metrics))
        .operation(write("PutConfigurationSetDeliveryOptions", configuration_set::put_delivery))
        .build()
}
