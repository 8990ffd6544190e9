//! An ordered, transactional key-value store: everything durable in Cloudlet lives in one.
//!
//! [`Db`] runs synchronous transactions in order and hands their writes, a batch at a time, to an [`Engine`].
