//! Sink kinds as bits, and source kinds.

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Kind of a sink: what an attacker can do with text that arrives there. The discriminant is its bit in [`Kinds`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind { $($(#[$doc])* $variant,)* }
        impl Kind {
            /// All kinds in bit order.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)*];
            /// The name used in model files.
            pub const fn name(self) -> &'static str { match self { $(Kind::$variant => $name,)* } }
        }
    };
}

kinds! {
    /// SQL (or HQL, JPQL, CQL) text.
    Sql = "sql",
    /// A command line that a shell interprets.
    CmdShell = "cmd.shell",
    /// A command line that is split at white space without a shell (`Runtime.exec(String)`), the whole string.
    CmdLine = "cmd.line",
    /// An element of an argument vector, the program's name included.
    CmdArgv = "cmd.argv",
    /// The environment of a process.
    CmdEnv = "cmd.env",
    /// A path of the file system.
    Path = "path",
    /// HTML sent to a browser.
    Xss = "xss",
    /// Source text of a template.
    Template = "template",
    /// Program code or expression language.
    Code = "code",
    /// LDAP filter or distinguished name.
    Ldap = "ldap",
    /// XPath expression.
    XPath = "xpath",
    /// NoSQL query (operators or JavaScript).
    NoSql = "nosql",
    /// JNDI name.
    Jndi = "jndi",
    /// Name of a class, method or module to load.
    Reflect = "reflect",
    /// Serialized object data.
    Deser = "deser",
    /// XML text given to a parser.
    Xml = "xml",
    /// Target of an HTTP redirect.
    Redirect = "redirect",
    /// URL or host that the program itself contacts.
    Ssrf = "ssrf",
    /// Value or name of an HTTP response header.
    Header = "header",
    /// Text written to a log.
    Log = "log",
    /// Source text of a regular expression.
    Regex = "regex",
    /// Data kept in the session as if trusted.
    Trust = "trust",
    /// Output that must not carry internals (stack traces, secrets).
    Info = "info",
}

/// A set of sink kinds, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kinds(pub u64);

impl Kinds {
    /// No kind.
    pub const NONE: Kinds = Kinds(0);
    /// Every kind.
    pub const ALL: Kinds = Kinds(u64::MAX);
    /// The set of one kind.
    pub const fn of(kind: Kind) -> Kinds {
        Kinds(1 << kind as u32)
    }
    /// True when `kind` is in the set.
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }
    /// Union.
    pub const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
    /// Intersection.
    pub const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }
    /// Difference.
    pub const fn minus(self, other: Kinds) -> Kinds {
        Kinds(self.0 & !other.0)
    }
    /// True when empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Where untrusted (or secret) data comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SourceKind {
    /// `remote`: an HTTP request or other network peer. Active for every kind but `info`.
    Remote,
    /// `archive`: name of an entry of an archive. Active for `path`.
    Archive,
    /// `cli`: command-line arguments.
    Cli,
    /// `env`: environment variables, system properties.
    Env,
    /// `file`: contents of a file.
    File,
    /// `db`: contents of a database (second order).
    Database,
    /// `exception`: text or stack trace of an exception. Active for `info`.
    Exception,
    /// `secret`: credentials. Active for `info` and `log`.
    Secret,
}

impl SourceKind {
    /// The name used in model files.
    pub const fn name(self) -> &'static str {
        match self {
            SourceKind::Remote => "remote",
            SourceKind::Archive => "archive",
            SourceKind::Cli => "cli",
            SourceKind::Env => "env",
            SourceKind::File => "file",
            SourceKind::Database => "db",
            SourceKind::Exception => "exception",
            SourceKind::Secret => "secret",
        }
    }
    /// All, in declaration order.
    pub const ALL: &'static [SourceKind] = &[
        SourceKind::Remote,
        SourceKind::Archive,
        SourceKind::Cli,
        SourceKind::Env,
        SourceKind::File,
        SourceKind::Database,
        SourceKind::Exception,
        SourceKind::Secret,
    ];
    /// The kinds of sink that this source is dangerous for.
    pub const fn label(self) -> Kinds {
        match self {
            SourceKind::Remote => Kinds(!(1 << Kind::Info as u32)),
            SourceKind::Archive => Kinds::of(Kind::Path),
            SourceKind::Exception => Kinds::of(Kind::Info),
            SourceKind::Secret => Kinds::of(Kind::Info).or(Kinds::of(Kind::Log)),
            // Local input is the operator's own; it is tracked but not reported by default.
            SourceKind::Cli | SourceKind::Env | SourceKind::File | SourceKind::Database => {
                Kinds(!(1 << Kind::Info as u32))
            }
        }
    }
    /// True when a flow from here is reported by default.
    pub const fn reported(self) -> bool {
        matches!(self, SourceKind::Remote | SourceKind::Archive | SourceKind::Exception | SourceKind::Secret)
    }
}
