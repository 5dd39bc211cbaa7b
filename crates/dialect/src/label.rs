//! The names of the contexts a hole can stand in.

use serde::{Deserialize, Serialize};

/// The language of the text around the holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// SQL of any vendor.
    Sql,
    /// HTML with the scripts and styles inside.
    Html,
    /// POSIX shell command text.
    Shell,
    /// Command text of the Windows command interpreter.
    Cmd,
    /// LDAP search filter or distinguished name.
    Ldap,
    /// XPath expression.
    XPath,
    /// File path.
    Path,
    /// URL.
    Url,
    /// Value of an HTTP header.
    Header,
    /// Line of a log.
    Log,
    /// Regular expression.
    Regex,
    /// JavaScript source.
    Js,
    /// CSS source.
    Css,
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The context of a hole.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Label {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Label {
            /// Every label, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name used in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

labels! {
    /// The whole content of a quoted SQL string.
    SqlQuotedWhole = "sql-quoted-whole",
    /// Part of the content of a quoted SQL string.
    SqlQuotedPart = "sql-quoted-part",
    /// A bare SQL value: after an operator, in a value list, an argument.
    SqlValue = "sql-value",
    /// The number of a row limit or offset.
    SqlLimit = "sql-limit",
    /// Bare inside the parentheses of `IN`.
    SqlInList = "sql-in-list",
    /// A table, column, alias or other name.
    SqlIdentifier = "sql-identifier",
    /// A sort column.
    SqlOrderBy = "sql-order-by",
    /// The name of a called procedure.
    SqlCall = "sql-call",
    /// After a sort column.
    SqlSortDirection = "sql-sort-direction",
    /// An operator, keyword or whole clause.
    SqlClause = "sql-clause",
    /// Inside an SQL comment.
    SqlComment = "sql-comment",
    /// Inside a quoted name.
    SqlIdentQuoted = "sql-ident-quoted",
    /// The whole statement or its beginning.
    SqlWholeStatement = "sql-whole-statement",
    /// A value in a statement that takes no parameters, such as `CREATE` or `GRANT`.
    SqlDdl = "sql-ddl",
    /// HTML text.
    HtmlText = "html-text",
    /// Attribute value in double quotes.
    HtmlAttrDouble = "html-attr-double",
    /// Attribute value in single quotes.
    HtmlAttrSingle = "html-attr-single",
    /// Attribute value without quotes.
    HtmlAttrBare = "html-attr-bare",
    /// Attribute that holds a URL.
    HtmlUrlAttr = "html-url-attr",
    /// Attribute that holds script.
    HtmlEventAttr = "html-event-attr",
    /// String literal inside a script element.
    HtmlJsString = "html-js-string",
    /// Code inside a script element.
    HtmlJsCode = "html-js-code",
    /// Template literal inside a script element.
    HtmlJsTemplate = "html-js-template",
    /// Style element or attribute.
    HtmlCss = "html-css",
    /// HTML comment or declaration.
    HtmlComment = "html-comment",
    /// Name of a tag.
    HtmlTagName = "html-tag-name",
    /// Name of an attribute.
    HtmlAttrName = "html-attr-name",
    /// Text of an element whose content holds no tags, such as `title` and `textarea`.
    HtmlRcdata = "html-rcdata",
    /// A whole bare shell word.
    ShWord = "sh-word",
    /// Part of a bare shell word.
    ShWordPart = "sh-word-part",
    /// Inside double quotes.
    ShDouble = "sh-double",
    /// Inside single quotes.
    ShSingle = "sh-single",
    /// Bare inside `$( )`, anywhere inside backticks, or inside `${ }`.
    ShSubst = "sh-subst",
    /// Inside an arithmetic expansion.
    ShArith = "sh-arith",
    /// Inside a here-document.
    ShHeredoc = "sh-heredoc",
    /// The name of the command.
    ShCommand = "sh-command",
    /// The letters of an option.
    ShOption = "sh-option",
    /// The target of a redirection.
    ShRedirect = "sh-redirect",
    /// Text that a second interpreter parses again.
    ShSecondParser = "sh-second-parser",
    /// Inside a shell comment.
    ShComment = "sh-comment",
    /// Bare text of the Windows command interpreter.
    CmdBare = "cmd-bare",
    /// Inside double quotes of the Windows command interpreter.
    CmdQuoted = "cmd-quoted",
    /// Assertion value of an LDAP filter.
    LdapValue = "ldap-value",
    /// Attribute name of an LDAP filter.
    LdapAttr = "ldap-attr",
    /// Value in a distinguished name.
    LdapDn = "ldap-dn",
    /// Elsewhere in an LDAP filter, or all of it.
    LdapOther = "ldap-other",
    /// XPath string in double quotes.
    XPathDouble = "xpath-double",
    /// XPath string in single quotes.
    XPathSingle = "xpath-single",
    /// XPath outside strings.
    XPathBare = "xpath-bare",
    /// The beginning of a path, or all of it.
    PathWhole = "path-whole",
    /// The end of a path after a constant directory.
    PathAfterDir = "path-after-dir",
    /// Followed by further components, or after a directory that is not constant.
    PathMiddle = "path-middle",
    /// After constant text that does not end in a separator.
    PathPrefixPart = "path-prefix-part",
    /// After a constant directory, with a constant ending.
    PathSuffixed = "path-suffixed",
    /// The beginning of a URL, or all of it.
    UrlWhole = "url-whole",
    /// The scheme or the whole host.
    UrlSchemeHost = "url-scheme-host",
    /// Part of the host.
    UrlHostPart = "url-host-part",
    /// The port.
    UrlPort = "url-port",
    /// The path.
    UrlPath = "url-path",
    /// The query.
    UrlQuery = "url-query",
    /// The fragment.
    UrlFragment = "url-fragment",
    /// User name or password.
    UrlUserinfo = "url-userinfo",
    /// Value of an HTTP header.
    HeaderValue = "header-value",
    /// Text of a log line.
    LogValue = "log-value",
    /// A whole regular expression.
    RegexWhole = "regex-whole",
    /// Part of a regular expression.
    RegexPart = "regex-part",
    /// Inside a character class.
    RegexClass = "regex-class",
    /// Between `\Q` and `\E`.
    RegexQuoted = "regex-quoted",
    /// JavaScript string literal.
    JsString = "js-string",
    /// JavaScript template literal.
    JsTemplate = "js-template",
    /// JavaScript code.
    JsCode = "js-code",
    /// JavaScript comment.
    JsComment = "js-comment",
    /// JavaScript regular expression literal.
    JsRegex = "js-regex",
    /// CSS string.
    CssString = "css-string",
    /// Unquoted CSS `url( )`.
    CssUrl = "css-url",
    /// CSS outside strings.
    CssCode = "css-code",
    /// CSS comment.
    CssComment = "css-comment",
}

impl Label {
    /// The hole chooses which host a URL reaches.
    #[must_use]
    pub const fn chooses_host(self) -> bool {
        matches!(self, Self::UrlWhole | Self::UrlSchemeHost | Self::UrlHostPart)
    }

    /// A prepared statement can bind a value at this place.
    #[must_use]
    pub const fn sql_bindable(self) -> bool {
        matches!(self, Self::SqlQuotedWhole | Self::SqlQuotedPart | Self::SqlValue | Self::SqlLimit | Self::SqlInList)
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The innermost quotes around a hole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quote {
    /// No quotes.
    #[default]
    None,
    /// `'`
    Single,
    /// `"`
    Double,
    /// Backtick.
    Backtick,
    /// `[ ]`
    Bracket,
    /// `$$` or `$tag$`
    Dollar,
    /// A delimiter the text itself names, such as `q'[ ]'`.
    Custom,
}
