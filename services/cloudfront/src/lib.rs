//! Amazon CloudFront: distributions, which give out objects of buckets and servers from a cache.

mod bindings;
mod cache;
mod documents;
mod error;
mod keys;
mod limits;
mod managed;
mod model;
mod not_implemented;
mod ops;
mod traffic;
mod types;

use std::path::PathBuf;
use std::sync::Arc;

use kv::Db;
use media::Images;
use outbound::Outbound;
use service::{Api, Cx, Permission, Service, XmlApi, hosts, read, write};

pub use error::Error;

use cache::Cache;
use documents::access::{OriginAccessControlConfig, OriginAccessIdentityConfig};
use documents::headers::ResponseHeadersPolicyConfig;
use documents::keys::{KeyGroupConfig, PublicKeyConfig};
use documents::policies::{CachePolicyConfig, OriginRequestPolicyConfig};
use ops::{arn, distribution, entity, invalidation, tag};
use traffic::figures::Figures;
use traffic::sites::Sites;

/// What it needs of the server that it is in.
pub struct Config {
    /// A folder of its own, for what is cached. Emptied at the start.
    pub folder: PathBuf,
    /// What origins are reached with.
    pub outbound: Outbound,
    /// What makes images of others.
    pub images: Images,
    /// What the server itself is called.
    pub own: hosts::Own,
}

/// The service's state in memory.
pub struct CloudFront {
    sites: Sites,
    cache: Cache,
    outbound: Outbound,
    images: Images,
    figures: Figures,
}

impl CloudFront {
    /// # Errors
    /// When the folder cannot be used, or the store not be read.
    pub fn open(db: &Db, config: Config) -> Result<Arc<CloudFront>, Error> {
        let cache = Cache::open(config.folder.clone()).map_err(service::Error::internal)?;
        let (sites, figures) = (Sites::load(&db.read()?, &config.own)?, Figures::default());
        let Config { outbound, images, .. } = config;
        Ok(Arc::new(CloudFront { sites, cache, outbound, images, figures }))
    }

    /// How the cache does, for metrics: name, help, value.
    pub fn gauges(&self) -> Vec<(&'static str, &'static str, f64)> {
        self.figures.gauges(&self.cache)
    }
}

const API: Api = Api {
    xml: Some(XmlApi {
        xmlns: "http://cloudfront.amazonaws.com/doc/2020-05-31/",
        names: &bindings::NAMES,
        host_label: None,
    }),
    not_implemented: not_implemented::NOT_IMPLEMENTED,
    not_implemented_paths: not_implemented::PATHS,
    access_denied: "AccessDenied",
    body_bytes_max: limits::DOCUMENT_BYTES_MAX,
    ..Api::named("cloudfront")
};

/// What it needs to make a distribution that has tags.
fn with_tags(cx: &Cx) -> Vec<Permission> {
    let all = arn(cx, distribution::DISTRIBUTION, "*");
    ["cloudfront:CreateDistribution", "cloudfront:TagResource"].map(|action| Permission::new(action, &all)).to_vec()
}

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<CloudFront>) -> Service {
    Service::builder(API, state.clone())
        .operation(write("CreateDistribution", distribution::create).rest(&bindings::CREATE_DISTRIBUTION).resource(|cx, _| arn(cx, "distribution", "*")))
        .operation(write("CreateDistributionWithTags", distribution::create_with_tags).rest(&bindings::CREATE_DISTRIBUTION_WITH_TAGS).permissions(|_, cx, _| Ok(with_tags(cx))))
        .operation(read("GetDistribution", distribution::get).rest(&bindings::GET_DISTRIBUTION).resource(|cx, i| arn(cx, "distribution", &i.id)))
        .operation(read("GetDistributionConfig", distribution::get_config).rest(&bindings::GET_DISTRIBUTION_CONFIG).resource(|cx, i| arn(cx, "distribution", &i.id)))
        .operation(write("UpdateDistribution", distribution::update).rest(&bindings::UPDATE_DISTRIBUTION).resource(|cx, i| arn(cx, "distribution", &i.id)))
        .operation(write("DeleteDistribution", distribution::delete).rest(&bindings::DELETE_DISTRIBUTION).resource(|cx, i| arn(cx, "distribution", &i.id)))
        .operation(read("ListDistributions", distribution::list).rest(&bindings::LIST_DISTRIBUTIONS))
        .operation(write("CreateInvalidation", invalidation::create).rest(&bindings::CREATE_INVALIDATION).resource(|cx, i| arn(cx, "distribution", &i.distribution_id)))
        .operation(read("GetInvalidation", invalidation::get).rest(&bindings::GET_INVALIDATION).resource(|cx, i| arn(cx, "distribution", &i.distribution_id)))
        .operation(read("ListInvalidations", invalidation::list).rest(&bindings::LIST_INVALIDATIONS).resource(|cx, i| arn(cx, "distribution", &i.distribution_id)))
        .operation(write("TagResource", tag::tag).rest(&bindings::TAG_RESOURCE).resource(|_, i| i.resource.clone()))
        .operation(write("UntagResource", tag::untag).rest(&bindings::UNTAG_RESOURCE).resource(|_, i| i.resource.clone()))
        .operation(read("ListTagsForResource", tag::list).rest(&bindings::LIST_TAGS_FOR_RESOURCE).resource(|_, i| i.resource.clone()))
        .operation(write("CreateCachePolicy", entity::create::<CachePolicyConfig>).rest(&bindings::CREATE_CACHE_POLICY).resource(|cx, _| arn(cx, "cache-policy", "*")))
        .operation(read("GetCachePolicy", entity::get::<CachePolicyConfig>).rest(&bindings::GET_CACHE_POLICY).resource(|cx, i| arn(cx, "cache-policy", &i.id)))
        .operation(read("GetCachePolicyConfig", entity::get_config::<CachePolicyConfig>).rest(&bindings::GET_CACHE_POLICY_CONFIG).resource(|cx, i| arn(cx, "cache-policy", &i.id)))
        .operation(write("UpdateCachePolicy", entity::update::<CachePolicyConfig>).rest(&bindings::UPDATE_CACHE_POLICY).resource(|cx, i| arn(cx, "cache-policy", &i.id)))
        .operation(write("DeleteCachePolicy", entity::delete::<CachePolicyConfig>).rest(&bindings::DELETE_CACHE_POLICY).resource(|cx, i| arn(cx, "cache-policy", &i.id)))
        .operation(read("ListCachePolicies", entity::list::<CachePolicyConfig>).rest(&bindings::LIST_CACHE_POLICIES))
        .operation(write("CreateOriginRequestPolicy", entity::create::<OriginRequestPolicyConfig>).rest(&bindings::CREATE_ORIGIN_REQUEST_POLICY).resource(|cx, _| arn(cx, "origin-request-policy", "*")))
        .operation(read("GetOriginRequestPolicy", entity::get::<OriginRequestPolicyConfig>).rest(&bindings::GET_ORIGIN_REQUEST_POLICY).resource(|cx, i| arn(cx, "origin-request-policy", &i.id)))
        .operation(read("GetOriginRequestPolicyConfig", entity::get_config::<OriginRequestPolicyConfig>).rest(&bindings::GET_ORIGIN_REQUEST_POLICY_CONFIG).resource(|cx, i| arn(cx, "origin-request-policy", &i.id)))
        .operation(write("UpdateOriginRequestPolicy", entity::update::<OriginRequestPolicyConfig>).rest(&bindings::UPDATE_ORIGIN_REQUEST_POLICY).resource(|cx, i| arn(cx, "origin-request-policy", &i.id)))
        .operation(write("DeleteOriginRequestPolicy", entity::delete::<OriginRequestPolicyConfig>).rest(&bindings::DELETE_ORIGIN_REQUEST_POLICY).resource(|cx, i| arn(cx, "origin-request-policy", &i.id)))
        .operation(read("ListOriginRequestPolicies", entity::list::<OriginRequestPolicyConfig>).rest(&bindings::LIST_ORIGIN_REQUEST_POLICIES))
        .operation(write("CreateResponseHeadersPolicy", entity::create::<ResponseHeadersPolicyConfig>).rest(&bindings::CREATE_RESPONSE_HEADERS_POLICY).resource(|cx, _| arn(cx, "response-headers-policy", "*")))
        .operation(read("GetResponseHeadersPolicy", entity::get::<ResponseHeadersPolicyConfig>).rest(&bindings::GET_RESPONSE_HEADERS_POLICY).resource(|cx, i| arn(cx, "response-headers-policy", &i.id)))
        .operation(read("GetResponseHeadersPolicyConfig", entity::get_config::<ResponseHeadersPolicyConfig>).rest(&bindings::GET_RESPONSE_HEADERS_POLICY_CONFIG).resource(|cx, i| arn(cx, "response-headers-policy", &i.id)))
        .operation(write("UpdateResponseHeadersPolicy", entity::update::<ResponseHeadersPolicyConfig>).rest(&bindings::UPDATE_RESPONSE_HEADERS_POLICY).resource(|cx, i| arn(cx, "response-headers-policy", &i.id)))
        .operation(write("DeleteResponseHeadersPolicy", entity::delete::<ResponseHeadersPolicyConfig>).rest(&bindings::DELETE_RESPONSE_HEADERS_POLICY).resource(|cx, i| arn(cx, "response-headers-policy", &i.id)))
        .operation(read("ListResponseHeadersPolicies", entity::list::<ResponseHeadersPolicyConfig>).rest(&bindings::LIST_RESPONSE_HEADERS_POLICIES))
        .operation(write("CreateOriginAccessControl", entity::create::<OriginAccessControlConfig>).rest(&bindings::CREATE_ORIGIN_ACCESS_CONTROL).resource(|cx, _| arn(cx, "origin-access-control", "*")))
        .operation(read("GetOriginAccessControl", entity::get::<OriginAccessControlConfig>).rest(&bindings::GET_ORIGIN_ACCESS_CONTROL).resource(|cx, i| arn(cx, "origin-access-control", &i.id)))
        .operation(read("GetOriginAccessControlConfig", entity::get_config::<OriginAccessControlConfig>).rest(&bindings::GET_ORIGIN_ACCESS_CONTROL_CONFIG).resource(|cx, i| arn(cx, "origin-access-control", &i.id)))
        .operation(write("UpdateOriginAccessControl", entity::update::<OriginAccessControlConfig>).rest(&bindings::UPDATE_ORIGIN_ACCESS_CONTROL).resource(|cx, i| arn(cx, "origin-access-control", &i.id)))
        .operation(write("DeleteOriginAccessControl", entity::delete::<OriginAccessControlConfig>).rest(&bindings::DELETE_ORIGIN_ACCESS_CONTROL).resource(|cx, i| arn(cx, "origin-access-control", &i.id)))
        .operation(read("ListOriginAccessControls", entity::list::<OriginAccessControlConfig>).rest(&bindings::LIST_ORIGIN_ACCESS_CONTROLS))
        .operation(write("CreateCloudFrontOriginAccessIdentity", entity::create::<OriginAccessIdentityConfig>).rest(&bindings::CREATE_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY).resource(|cx, _| arn(cx, "origin-access-identity", "*")))
        .operation(read("GetCloudFrontOriginAccessIdentity", entity::get::<OriginAccessIdentityConfig>).rest(&bindings::GET_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY).resource(|cx, i| arn(cx, "origin-access-identity", &i.id)))
        .operation(read("GetCloudFrontOriginAccessIdentityConfig", entity::get_config::<OriginAccessIdentityConfig>).rest(&bindings::GET_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY_CONFIG).resource(|cx, i| arn(cx, "origin-access-identity", &i.id)))
        .operation(write("UpdateCloudFrontOriginAccessIdentity", entity::update::<OriginAccessIdentityConfig>).rest(&bindings::UPDATE_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY).resource(|cx, i| arn(cx, "origin-access-identity", &i.id)))
        .operation(write("DeleteCloudFrontOriginAccessIdentity", entity::delete::<OriginAccessIdentityConfig>).rest(&bindings::DELETE_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY).resource(|cx, i| arn(cx, "origin-access-identity", &i.id)))
        .operation(read("ListCloudFrontOriginAccessIdentities", entity::list::<OriginAccessIdentityConfig>).rest(&bindings::LIST_CLOUDFRONT_ORIGIN_ACCESS_IDENTITIES))
        .operation(write("CreatePublicKey", entity::create::<PublicKeyConfig>).rest(&bindings::CREATE_PUBLIC_KEY).resource(|cx, _| arn(cx, "public-key", "*")))
        .operation(read("GetPublicKey", entity::get::<PublicKeyConfig>).rest(&bindings::GET_PUBLIC_KEY).resource(|cx, i| arn(cx, "public-key", &i.id)))
        .operation(read("GetPublicKeyConfig", entity::get_config::<PublicKeyConfig>).rest(&bindings::GET_PUBLIC_KEY_CONFIG).resource(|cx, i| arn(cx, "public-key", &i.id)))
        .operation(write("UpdatePublicKey", entity::update::<PublicKeyConfig>).rest(&bindings::UPDATE_PUBLIC_KEY).resource(|cx, i| arn(cx, "public-key", &i.id)))
        .operation(write("DeletePublicKey", entity::delete::<PublicKeyConfig>).rest(&bindings::DELETE_PUBLIC_KEY).resource(|cx, i| arn(cx, "public-key", &i.id)))
        .operation(read("ListPublicKeys", entity::list::<PublicKeyConfig>).rest(&bindings::LIST_PUBLIC_KEYS))
        .operation(write("CreateKeyGroup", entity::create::<KeyGroupConfig>).rest(&bindings::CREATE_KEY_GROUP).resource(|cx, _| arn(cx, "key-group", "*")))
        .operation(read("GetKeyGroup", entity::get::<KeyGroupConfig>).rest(&bindings::GET_KEY_GROUP).resource(|cx, i| arn(cx, "key-group", &i.id)))
        .operation(read("GetKeyGroupConfig", entity::get_config::<KeyGroupConfig>).rest(&bindings::GET_KEY_GROUP_CONFIG).resource(|cx, i| arn(cx, "key-group", &i.id)))
        .operation(write("UpdateKeyGroup", entity::update::<KeyGroupConfig>).rest(&bindings::UPDATE_KEY_GROUP).resource(|cx, i| arn(cx, "key-group", &i.id)))
        .operation(write("DeleteKeyGroup", entity::delete::<KeyGroupConfig>).rest(&bindings::DELETE_KEY_GROUP).resource(|cx, i| arn(cx, "key-group", &i.id)))
        .operation(read("ListKeyGroups", entity::list::<KeyGroupConfig>).rest(&bindings::LIST_KEY_GROUPS))
        .hosts(|state| state.sites.names())
        .streaming_front(traffic::Viewers(state))
        .build()
}
