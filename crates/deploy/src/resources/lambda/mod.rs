//! `AWS::Lambda::*`: functions, versions, aliases, layers, permissions and event source mappings.

mod event_source_mapping;
mod function;
mod layer_version;
mod parts;
mod provisioned;
mod url;

pub use event_source_mapping::EventSourceMapping;
pub use function::Function;
pub use layer_version::LayerVersion;
pub use parts::{Alias, EventInvokeConfig, Permission, Version};
pub use url::Url;
