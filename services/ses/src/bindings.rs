//! Where the members of the operations of version 2 travel in HTTP.
//!
//! Source: the `http` traits of the service model.

use wire::rest::Binding;

pub static SEND_EMAIL: Binding = Binding::new("POST", "/v2/email/outbound-emails", 200);
pub static SEND_BULK_EMAIL: Binding = Binding::new("POST", "/v2/email/outbound-bulk-emails", 200);
pub static CREATE_EMAIL_IDENTITY: Binding = Binding::new("POST", "/v2/email/identities", 200);
pub static GET_EMAIL_IDENTITY: Binding = Binding::new("GET", "/v2/email/identities/{EmailIdentity}", 200);
pub static DELETE_EMAIL_IDENTITY: Binding = Binding::new("DELETE", "/v2/email/identities/{EmailIdentity}", 200);
pub static LIST_EMAIL_IDENTITIES: Binding = Binding::new("POST", "/v2/email/list-identities", 200);
pub static PUT_EMAIL_IDENTITY_DKIM_ATTRIBUTES: Binding =
    Binding::new("PUT", "/v2/email/identities/{EmailIdentity}/dkim", 200);
pub static PUT_EMAIL_IDENTITY_DKIM_SIGNING_ATTRIBUTES: Binding =
    Binding::new("PUT", "/v2/email/identities/{EmailIdentity}/dkim/signing", 200);
pub static PUT_EMAIL_IDENTITY_MAIL_FROM_ATTRIBUTES: Binding =
    Binding::new("PUT", "/v2/email/identities/{EmailIdentity}/mail-from", 200);
pub static PUT_EMAIL_IDENTITY_FEEDBACK_ATTRIBUTES: Binding =
    Binding::new("PUT", "/v2/email/identities/{EmailIdentity}/feedback", 200);
pub static PUT_EMAIL_IDENTITY_CONFIGURATION_SET_ATTRIBUTES: Binding =
    Binding::new("PUT", "/v2/email/identities/{EmailIdentity}/configuration-set", 200);
pub static CREATE_EMAIL_IDENTITY_POLICY: Binding =
    Binding::new("POST", "/v2/email/identities/{EmailIdentity}/policies/{PolicyName}", 200);
pub static UPDATE_EMAIL_IDENTITY_POLICY: Binding =
    Binding::new("PUT", "/v2/email/identities/{EmailIdentity}/policies/{PolicyName}", 200);
pub static DELETE_EMAIL_IDENTITY_POLICY: Binding =
    Binding::new("DELETE", "/v2/email/identities/{EmailIdentity}/policies/{PolicyName}", 200);
pub static GET_EMAIL_IDENTITY_POLICIES: Binding =
    Binding::new("GET", "/v2/email/identities/{EmailIdentity}/policies", 200);
pub static CREATE_EMAIL_TEMPLATE: Binding = Binding::new("POST", "/v2/email/templates", 200);
pub static GET_EMAIL_TEMPLATE: Binding = Binding::new("GET", "/v2/email/templates/{TemplateName}", 200);
pub static UPDATE_EMAIL_TEMPLATE: Binding = Binding::new("PUT", "/v2/email/templates/{TemplateName}", 200);
pub static DELETE_EMAIL_TEMPLATE: Binding = Binding::new("DELETE", "/v2/email/templates/{TemplateName}", 200);
pub static LIST_EMAIL_TEMPLATES: Binding =
    Binding::new("GET", "/v2/email/templates", 200).query(&[("NextToken", "NextToken"), ("PageSize", "PageSize")]);
pub static TEST_RENDER_EMAIL_TEMPLATE: Binding = Binding::new("POST", "/v2/email/templates/{TemplateName}/render", 200);
pub static PUT_SUPPRESSED_DESTINATION: Binding = Binding::new("PUT", "/v2/email/suppression/addresses", 200);
pub static GET_SUPPRESSED_DESTINATION: Binding =
    Binding::new("GET", "/v2/email/suppression/addresses/{EmailAddress}", 200).query(&[("TenantName", "TenantName")]);
pub static DELETE_SUPPRESSED_DESTINATION: Binding =
    Binding::new("DELETE", "/v2/email/suppression/addresses/{EmailAddress}", 200)
        .query(&[("TenantName", "TenantName")]);
pub static LIST_SUPPRESSED_DESTINATIONS: Binding =
    Binding::new("GET", "/v2/email/suppression/addresses", 200).query(&[
        ("TenantName", "TenantName"),
        ("Reason", "Reasons"),
        ("StartDate", "StartDate"),
        ("EndDate", "EndDate"),
        ("NextToken", "NextToken"),
        ("PageSize", "PageSize"),
    ]);
pub static GET_ACCOUNT: Binding = Binding::new("GET", "/v2/email/account", 200);
pub static PUT_ACCOUNT_SENDING_ATTRIBUTES: Binding = Binding::new("PUT", "/v2/email/account/sending", 200);
pub static PUT_ACCOUNT_SUPPRESSION_ATTRIBUTES: Binding = Binding::new("PUT", "/v2/email/account/suppression", 200);
pub static PUT_ACCOUNT_DETAILS: Binding = Binding::new("POST", "/v2/email/account/details", 200);
pub static CREATE_CONFIGURATION_SET: Binding = Binding::new("POST", "/v2/email/configuration-sets", 200);
pub static GET_CONFIGURATION_SET: Binding =
    Binding::new("GET", "/v2/email/configuration-sets/{ConfigurationSetName}", 200);
pub static DELETE_CONFIGURATION_SET: Binding =
    Binding::new("DELETE", "/v2/email/configuration-sets/{ConfigurationSetName}", 200);
pub static LIST_CONFIGURATION_SETS: Binding = Binding::new("POST", "/v2/email/list-configuration-sets", 200);
pub static PUT_CONFIGURATION_SET_SENDING_OPTIONS: Binding =
    Binding::new("PUT", "/v2/email/configuration-sets/{ConfigurationSetName}/sending", 200);
pub static PUT_CONFIGURATION_SET_REPUTATION_OPTIONS: Binding =
    Binding::new("PUT", "/v2/email/configuration-sets/{ConfigurationSetName}/reputation-options", 200);
pub static PUT_CONFIGURATION_SET_DELIVERY_OPTIONS: Binding =
    Binding::new("PUT", "/v2/email/configuration-sets/{ConfigurationSetName}/delivery-options", 200);
pub static PUT_CONFIGURATION_SET_TRACKING_OPTIONS: Binding =
    Binding::new("PUT", "/v2/email/configuration-sets/{ConfigurationSetName}/tracking-options", 200);
pub static PUT_CONFIGURATION_SET_SUPPRESSION_OPTIONS: Binding =
    Binding::new("PUT", "/v2/email/configuration-sets/{ConfigurationSetName}/suppression-options", 200);
pub static CREATE_CONFIGURATION_SET_EVENT_DESTINATION: Binding =
    Binding::new("POST", "/v2/email/configuration-sets/{ConfigurationSetName}/event-destinations", 200);
pub static GET_CONFIGURATION_SET_EVENT_DESTINATIONS: Binding =
    Binding::new("GET", "/v2/email/configuration-sets/{ConfigurationSetName}/event-destinations", 200);
pub static UPDATE_CONFIGURATION_SET_EVENT_DESTINATION: Binding = Binding::new(
    "PUT",
    "/v2/email/configuration-sets/{ConfigurationSetName}/event-destinations/{EventDestinationName}",
    200,
);
pub static DELETE_CONFIGURATION_SET_EVENT_DESTINATION: Binding = Binding::new(
    "DELETE",
    "/v2/email/configuration-sets/{ConfigurationSetName}/event-destinations/{EventDestinationName}",
    200,
);
pub static TAG_RESOURCE: Binding = Binding::new("POST", "/v2/email/tags", 200);
pub static UNTAG_RESOURCE: Binding =
    Binding::new("DELETE", "/v2/email/tags", 200).query(&[("ResourceArn", "ResourceArn"), ("TagKeys", "TagKeys")]);
pub static LIST_TAGS_FOR_RESOURCE: Binding =
    Binding::new("GET", "/v2/email/tags", 200).query(&[("ResourceArn", "ResourceArn")]);
