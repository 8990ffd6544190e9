//! How a service's Query protocol names the lists and maps that it flattens.

/// The flattened form of one list or map member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flat {
    /// `Name.1=..&Name.2=..`; in XML, repeated `<Name>` elements.
    List(&'static str),
    /// For REST-XML alone: one element with the member's name, and in it repeated elements of this name.
    Wrapped(&'static str),
    /// `name.1.key=..&name.1.value=..`; in XML, repeated `<name>` elements.
    Map { name: &'static str, key: &'static str, value: &'static str },
}

impl Flat {
    pub const fn list(name: &'static str) -> Flat {
        Flat::List(name)
    }

    pub const fn wrapped(item: &'static str) -> Flat {
        Flat::Wrapped(item)
    }

    pub const fn map(name: &'static str, key: &'static str, value: &'static str) -> Flat {
        Flat::Map { name, key, value }
    }

    /// What the member is called where it is flattened.
    pub const fn name(&self) -> &'static str {
        match self {
            Flat::List(name) | Flat::Wrapped(name) | Flat::Map { name, .. } => name,
        }
    }
}

/// Member name -> flattened form, for one operation and behind it for its service. Members that are not listed take
/// the protocol's usual form: `Name.member.1` and `Name.entry.1.key`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names {
    operation: &'static [(&'static str, Flat)],
    service: &'static [(&'static str, Flat)],
}

impl Names {
    pub const NONE: Names = Names::new(&[]);

    pub const fn new(table: &'static [(&'static str, Flat)]) -> Names {
        Names { operation: table, service: &[] }
    }

    /// These names, and where they have none, those of `service`.
    pub const fn or(self, service: Names) -> Names {
        Names { operation: self.operation, service: service.operation }
    }

    /// The same for a member whose element is in one called `parent`: for REST-XML, where lists of many kinds are all called
    /// `Items`. Such an entry is named after both: `Aliases/Items`.
    pub(crate) fn flat_in(&self, parent: &str, member: &str) -> Option<&'static Flat> {
        let is = |name: &str| name == member || name.split_once('/') == Some((parent, member));
        self.operation.iter().chain(self.service).find(|(name, _)| is(name)).map(|(_, flat)| flat)
    }

    pub(crate) fn flat(&self, member: &str) -> Option<&'static Flat> {
        self.operation.iter().chain(self.service).find(|(name, _)| *name == member).map(|(_, flat)| flat)
    }

    /// The member whose elements have this name, where they are not wrapped.
    pub(crate) fn listed_as(&self, element: &str) -> Option<&'static str> {
        let all = self.operation.iter().chain(self.service);
        all.filter(|(_, flat)| *flat == Flat::List(flat.name()))
            .find(|(_, flat)| flat.name() == element)
            .map(|(member, _)| *member)
    }
}
