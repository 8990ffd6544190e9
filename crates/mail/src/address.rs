//! Mail addresses with the names of their owners.

use lettre::Address;
use lettre::message::Mailbox;
use mail_parser::MessageParser;

use crate::Error;

/// An address, with a name for people where it has one: `Ada <ada@example.com>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedAddress {
    pub name: Option<String>,
    pub address: String,
}

impl NamedAddress {
    /// Reads one address; its name may be quoted, or encoded (RFC 2047).
    ///
    /// # Errors
    /// When it is none, or several.
    pub fn parse(text: &str) -> Result<NamedAddress, Error> {
        let refused = || Error::Address(text.to_owned());
        if text.contains(char::is_control) {
            return Err(refused());
        }
        let source = format!("From: {text}\r\n\r\n");
        let message = MessageParser::default().parse_headers(source.as_bytes()).ok_or_else(refused)?;
        let mut found = message.from().ok_or_else(refused)?.iter().map(NamedAddress::of);
        let (Some(one), None) = (found.next(), found.next()) else { return Err(refused()) };
        // What the reader of mail forgives (no brackets, words beside an address) is no address to send to.
        let bare = one.name.is_none() && text.trim() == one.address;
        let bracketed = text.trim_end().ends_with(&format!("<{}>", one.address));
        check_address(&one.address)?;
        if bare || bracketed { Ok(one) } else { Err(refused()) }
    }

    pub(crate) fn of(parsed: &mail_parser::Addr<'_>) -> NamedAddress {
        let name = parsed.name().filter(|name| !name.is_empty()).map(|name| name.replace(char::is_control, " "));
        NamedAddress { name, address: parsed.address().unwrap_or_default().to_owned() }
    }

    pub(crate) fn mailbox(&self) -> Result<Mailbox, Error> {
        Ok(Mailbox::new(self.name.clone(), address(&self.address)?))
    }
}

impl std::fmt::Display for NamedAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

/// Checks that a text is an address alone.
///
/// # Errors
/// When it is none.
pub fn check_address(text: &str) -> Result<(), Error> {
    address(text).map(drop)
}

pub(crate) fn address(text: &str) -> Result<Address, Error> {
    text.parse().map_err(|_| Error::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "ada", "ada@", "Ada <ada@example.com>", "a b@example.com", "ada@example.com\r\nBcc: eve@example.com"]
        {
            assert!(check_address(text).is_err(), "{text}");
        }
        assert!(check_address("ada.lovelace+news@example.com").is_ok());
    }

    #[test]
    fn names_are_read_however_they_are_written() {
        for (text, name) in [
            ("ada@example.com", None),
            ("<ada@example.com>", None),
            ("Ada <ada@example.com>", Some("Ada")),
            ("\"Lovelace, Ada\" <ada@example.com>", Some("Lovelace, Ada")),
            ("=?UTF-8?B?R3LDvMOfZQ==?= <ada@example.com>", Some("Grüße")),
            ("Grüße <ada@example.com>", Some("Grüße")),
        ] {
            let found = NamedAddress::parse(text).unwrap();
            assert_eq!((found.name.as_deref(), found.address.as_str()), (name, "ada@example.com"), "{text}");
        }
        for text in [
            "",
            "Ada",
            "a@example.com, b@example.com",
            "ada@example.com Ada",
            "Ada <ada@example.com>\r\nBcc: eve@example.com",
            "Ada <ada@example.com> <eve@example.com>",
        ] {
            assert!(NamedAddress::parse(text).is_err(), "{text}");
        }
    }
}
