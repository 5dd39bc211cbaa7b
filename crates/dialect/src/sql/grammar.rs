//! Just enough SQL grammar to know what may stand at a bare place.

use crate::Label;
use serde::{Deserialize, Serialize};

/// What the grammar expects next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Expect {
    Start,
    Condition,
    Value,
    InList,
    In,
    Ident,
    Column,
    Order,
    Direction,
    Limit,
    Call,
    /// A keyword, an operator, the rest of a clause.
    Clause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Clause {
    Top,
    Select,
    From,
    Into,
    Columns,
    Condition,
    Group,
    Order,
    Limit,
    Set,
    Values,
    Function,
    InList,
    Call,
    Ddl,
}

/// The grammar's part of the state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Grammar {
    pub(crate) expect: Expect,
    clause: Clause,
    outer: Vec<(Clause, bool)>,
    between: bool,
    /// The last word read, in upper case.
    pub(crate) last_word: String,
    /// The last token was a name.
    pub(crate) after_name: bool,
    after_dot: bool,
    /// The last word turns the string after it into a literal of its own type (`DATE '..'`).
    pub(crate) typed: bool,
    /// The last operator was `LIKE` or `ILIKE`.
    pub(crate) like: bool,
    /// The statement takes no parameters.
    pub(crate) ddl: bool,
    /// A semicolon ended a statement.
    ended: bool,
    /// There is more than one statement.
    pub(crate) several: bool,
    /// The last hole stood at the start of a condition.
    pub(crate) was_condition: bool,
}

impl Default for Grammar {
    fn default() -> Self {
        Self {
            expect: Expect::Start,
            clause: Clause::Top,
            outer: Vec::new(),
            between: false,
            last_word: String::new(),
            after_name: false,
            after_dot: false,
            typed: false,
            like: false,
            ddl: false,
            ended: false,
            several: false,
            was_condition: false,
        }
    }
}

impl Grammar {
    /// A semicolon was read and nothing since.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Something that belongs to a statement follows.
    pub(crate) fn significant(&mut self) {
        if self.ended {
            self.several = true;
        }
    }

    /// The label of a bare hole here.
    pub(crate) fn label(&self) -> Label {
        if self.ddl {
            return if self.expect == Expect::Ident { Label::SqlIdentifier } else { Label::SqlDdl };
        }
        match self.expect {
            Expect::Start => Label::SqlWholeStatement,
            Expect::In if self.clause == Clause::Function => Label::SqlValue,
            Expect::Condition | Expect::Clause | Expect::In => Label::SqlClause,
            Expect::Value if self.in_list() => Label::SqlInList,
            Expect::Value => Label::SqlValue,
            Expect::InList => Label::SqlInList,
            Expect::Ident | Expect::Column => Label::SqlIdentifier,
            Expect::Order => Label::SqlOrderBy,
            Expect::Direction => Label::SqlSortDirection,
            Expect::Limit => Label::SqlLimit,
            Expect::Call => Label::SqlCall,
        }
    }

    pub(crate) fn in_list(&self) -> bool {
        self.clause == Clause::InList
    }

    pub(crate) fn is_array(&self) -> bool {
        self.last_word == "ARRAY"
    }

    fn forget(&mut self) {
        self.significant();
        self.after_name = false;
        self.after_dot = false;
        self.typed = false;
        self.like = false;
    }

    /// A value or name was read.
    pub(crate) fn operand(&mut self, name: bool) {
        self.was_condition = self.expect == Expect::Condition;
        self.forget();
        self.last_word.clear();
        self.after_name = name;
        self.expect = match (self.clause, self.expect) {
            (_, Expect::Start) => Expect::Clause,
            (Clause::Order, _) => Expect::Direction,
            (Clause::Call, _) => Expect::Value,
            _ => Expect::Clause,
        };
    }

    /// An operator or other mark was read.
    pub(crate) fn operator(&mut self, c: char) {
        let name = self.after_name;
        let operand_due = !(matches!(self.expect, Expect::Clause | Expect::Direction | Expect::Start | Expect::In)
            || self.clause == Clause::Call && name);
        let kept = (self.typed, self.like);
        match c {
            ';' => {
                // Nothing after it: still one statement.
                self.forget();
                let (several, was_condition) = (self.several, self.was_condition);
                *self = Self { ended: true, several, was_condition, ..Self::default() };
                return;
            }
            '(' => {
                self.forget();
                self.open(name);
                (self.typed, self.like) = (false, kept.1);
                return;
            }
            ')' => {
                if let Some((clause, between)) = self.outer.pop() {
                    self.clause = clause;
                    self.between = between;
                }
                self.operand(self.clause == Clause::Into);
                return;
            }
            _ => {}
        }
        self.forget();
        self.last_word.clear();
        match c {
            ',' => {
                self.expect = match self.clause {
                    Clause::Select | Clause::Columns | Clause::Group | Clause::Set => Expect::Column,
                    Clause::From | Clause::Into => Expect::Ident,
                    Clause::Order => Expect::Order,
                    Clause::Limit => Expect::Limit,
                    Clause::InList => Expect::InList,
                    Clause::Function | Clause::Call | Clause::Condition => Expect::Value,
                    Clause::Top | Clause::Values | Clause::Ddl => Expect::Clause,
                }
            }
            '.' => {
                self.after_dot = true;
                if self.expect != Expect::Call && self.clause != Clause::Call {
                    self.expect = Expect::Ident;
                } else {
                    self.expect = Expect::Call;
                }
            }
            '{' => {
                self.last_word.push('{');
                if self.expect == Expect::Start {
                    // `{call p}`: the brace opens the statement.
                    self.expect = Expect::Start;
                }
            }
            '}' => self.expect = Expect::Clause,
            '?' => self.operand(false),
            '*' if operand_due && self.expect != Expect::Value => self.operand(false),
            ':' => {}
            '=' | '<' | '>' | '!' | '~' => self.expect = Expect::Value,
            '[' => self.expect = Expect::Value,
            ']' => self.operand(false),
            '+' | '-' if operand_due => {}
            _ => {
                if !(operand_due && c == '%') {
                    self.expect = Expect::Value;
                }
            }
        }
    }

    fn open(&mut self, after_name: bool) {
        self.outer.push((self.clause, self.between));
        // Text without end must not cost memory without end.
        if self.outer.len() > 512 {
            self.outer.remove(0);
        }
        self.between = false;
        if self.ddl {
            self.expect = Expect::Clause;
        } else if self.expect == Expect::In {
            self.clause = Clause::InList;
            self.expect = Expect::InList;
        } else if self.clause == Clause::Values {
            self.clause = Clause::Function;
            self.expect = Expect::Value;
        } else if self.last_word == "USING" || (after_name && self.clause == Clause::Into) {
            self.clause = Clause::Columns;
            self.expect = Expect::Column;
        } else if after_name {
            self.clause = Clause::Function;
            self.expect = Expect::Value;
        }
        self.last_word.clear();
    }

    /// A word was read.
    pub(crate) fn word(&mut self, word: &str) {
        let upper = word.to_ascii_uppercase();
        if self.after_dot || word.starts_with(['@', '#']) {
            self.operand(true);
            return;
        }
        let start = self.expect == Expect::Start;
        let last = std::mem::take(&mut self.last_word);
        let brace = last == "{";
        self.forget();
        let (clause, expect) = match self.keyword(&upper, &last, start) {
            Some(found) => found,
            None => {
                self.operand(true);
                self.typed = matches!(upper.as_str(), "DATE" | "TIME" | "TIMESTAMP" | "TIMESTAMPTZ")
                    || (brace && matches!(upper.as_str(), "D" | "T" | "TS"));
                self.last_word = upper;
                return;
            }
        };
        self.clause = clause;
        self.expect = expect;
        self.like = matches!(upper.as_str(), "LIKE" | "ILIKE");
        self.typed = upper == "INTERVAL";
        self.last_word = upper;
    }

    fn keyword(&mut self, upper: &str, last: &str, start: bool) -> Option<(Clause, Expect)> {
        let clause = self.clause;
        let select = clause == Clause::Select;
        if self.ddl {
            return self.ddl_keyword(upper);
        }
        Some(match upper {
            "SELECT" => (Clause::Select, Expect::Column),
            "DISTINCT" | "ALL" if select => (clause, Expect::Column),
            "DISTINCT" => (clause, Expect::Clause),
            "TOP" if select => (clause, Expect::Limit),
            "FROM" if clause == Clause::Function || last == "DISTINCT" => (clause, Expect::Value),
            "FROM" => (Clause::From, Expect::Ident),
            "JOIN" | "TABLE" | "USE" => (Clause::From, Expect::Ident),
            "INTO" => (Clause::Into, Expect::Ident),
            "UPDATE" if start => (Clause::From, Expect::Ident),
            "UPDATE" if last == "KEY" => (Clause::Set, Expect::Column),
            "UPDATE" => (clause, Expect::Clause),
            "SET" => (Clause::Set, Expect::Column),
            "USING" => (clause, Expect::Ident),
            "WHERE" | "HAVING" | "ON" => (Clause::Condition, Expect::Condition),
            "AND" if self.between => {
                self.between = false;
                (clause, Expect::Value)
            }
            "AND" | "OR" | "XOR" | "WHEN" | "CASE" => (clause, Expect::Condition),
            "NOT" if self.expect != Expect::Clause => (clause, Expect::Condition),
            "NOT" | "IS" => (clause, Expect::Clause),
            "THEN" | "ELSE" | "LIKE" | "ILIKE" | "RLIKE" | "REGEXP" | "GLOB" | "ESCAPE"
            | "DIV" | "MOD" | "INTERVAL"
                if !start =>
            {
                (clause, Expect::Value)
            }
            "SIMILAR" => (clause, Expect::Clause),
            "TO" => (clause, Expect::Value),
            "BETWEEN" => {
                self.between = true;
                (clause, Expect::Value)
            }
            "IN" => (clause, Expect::In),
            "BY" => match last {
                "ORDER" | "SIBLINGS" => (Clause::Order, Expect::Order),
                "GROUP" | "PARTITION" => (Clause::Group, Expect::Column),
                _ => (clause, Expect::Value),
            },
            "ASC" | "DESC" | "NULLS" => (clause, Expect::Clause),
            "LIMIT" | "OFFSET" => (Clause::Limit, Expect::Limit),
            "FETCH" => (Clause::Limit, Expect::Clause),
            "FIRST" | "NEXT" if clause == Clause::Limit => (clause, Expect::Limit),
            "ROW" | "ROWS" | "ONLY" if clause == Clause::Limit => (clause, Expect::Clause),
            "VALUES" | "VALUE"
                if matches!(clause, Clause::Into | Clause::Top) =>
            {
                (Clause::Values, Expect::Clause)
            }
            "CALL" | "EXEC" | "EXECUTE" | "PERFORM" if matches!(clause, Clause::Top) => {
                (Clause::Call, Expect::Call)
            }
            "CREATE" | "ALTER" | "DROP" | "GRANT" | "REVOKE" | "TRUNCATE" | "RENAME"
            | "COMMENT" | "PRAGMA" | "VACUUM" | "ATTACH" | "DETACH" | "COPY" | "LOAD"
            | "BACKUP" | "RESTORE" | "KILL" | "LISTEN" | "NOTIFY" | "ANALYZE" | "REINDEX"
                if start =>
            {
                self.ddl = true;
                (
                    Clause::Ddl,
                    if matches!(upper, "LISTEN" | "NOTIFY" | "TRUNCATE" | "PRAGMA") {
                        Expect::Ident
                    } else {
                        Expect::Clause
                    },
                )
            }
            "INSERT" | "REPLACE" | "DELETE" | "MERGE" | "EXPLAIN" | "BEGIN" | "DECLARE" if start => {
                (clause, Expect::Clause)
            }
            "WITH" if start => (clause, Expect::Ident),
            "AS" | "COLLATE" => (clause, Expect::Ident),
            "RETURNING" => (Clause::Select, Expect::Column),
            "GROUP" | "ORDER" | "PARTITION" | "SIBLINGS" | "UNION" | "INTERSECT" | "EXCEPT"
            | "MINUS" | "INNER" | "LEFT" | "RIGHT" | "FULL" | "OUTER" | "CROSS" | "NATURAL"
            | "LATERAL" | "FOR" | "WINDOW"
                // LEFT( and RIGHT( are functions too: decided by the place they stand at.
                if !matches!(self.expect, Expect::Value | Expect::Column | Expect::InList | Expect::Condition) =>
            {
                (clause, Expect::Clause)
            }
            "DUPLICATE" | "CONFLICT" | "KEY" | "DO" | "NOTHING" | "RECURSIVE"
                if matches!(self.expect, Expect::Condition | Expect::Clause | Expect::Ident) =>
            {
                let expect = if upper == "RECURSIVE" { Expect::Ident } else { Expect::Clause };
                (clause, expect)
            }
            _ => return None,
        })
    }

    fn ddl_keyword(&mut self, upper: &str) -> Option<(Clause, Expect)> {
        let expect = match upper {
            "TABLE" | "INDEX" | "VIEW" | "DATABASE" | "SCHEMA" | "USER" | "ROLE" | "SEQUENCE" | "TRIGGER"
            | "PROCEDURE" | "FUNCTION" | "COLUMN" | "CONSTRAINT" | "ON" | "TO" | "FROM" | "JOIN" | "INTO" => {
                Expect::Ident
            }
            "IF" | "NOT" | "EXISTS" | "ONLY" => self.expect,
            _ => Expect::Clause,
        };
        Some((Clause::Ddl, expect))
    }
}
