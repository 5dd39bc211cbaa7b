//! Contexts of holes in SQL text, and the plans that make room for placeholders.

mod common;

use common::{ctx, labels, pieces};
use surefix_dialect::{Dialect, Label, Quote, SqlProblem, can_break, chars, sql_plan, sql_text};

#[test]
fn labels_by_place() {
    let table: &[(&str, &str)] = &[
        ("SELECT * FROM u WHERE n='§'", "sql-quoted-whole"),
        ("SELECT * FROM u WHERE n = N'§' AND 1=1", "sql-quoted-whole"),
        ("SELECT * FROM u WHERE n LIKE '%§%'", "sql-quoted-part"),
        ("SELECT * FROM u WHERE n = 'a§'", "sql-quoted-part"),
        ("SELECT * FROM u WHERE n = '§b'", "sql-quoted-part"),
        ("SELECT * FROM u WHERE n = '§''s'", "sql-quoted-part"),
        ("SELECT * FROM u WHERE n = '§§'", "sql-quoted-part sql-quoted-part"),
        ("SELECT * FROM u WHERE n='it''s' AND m='§'", "sql-quoted-whole"),
        ("SELECT * FROM u WHERE n='§' AND m='§'", "sql-quoted-whole sql-quoted-whole"),
        ("SELECT * FROM u WHERE id = §", "sql-value"),
        ("SELECT * FROM u WHERE id=§ AND x<>§", "sql-value sql-value"),
        ("SELECT * FROM u WHERE id >= -§", "sql-value"),
        ("SELECT * FROM u WHERE (a = 1 OR b = (§))", "sql-value"),
        ("SELECT * FROM u WHERE id BETWEEN § AND § AND §", "sql-value sql-value sql-clause"),
        ("SELECT f(§, a) FROM u WHERE lower(§) = 'x'", "sql-value sql-value"),
        ("SELECT * FROM u WHERE a IS DISTINCT FROM §", "sql-value"),
        ("SELECT * FROM u WHERE a = ANY(§)", "sql-value"),
        ("SELECT CASE WHEN a = § THEN § ELSE § END FROM t", "sql-value sql-value sql-value"),
        ("INSERT INTO t (a, b) VALUES (§, '§'), (1, §)", "sql-value sql-quoted-whole sql-value"),
        ("INSERT INTO t (a, §) VALUES (1, 2)", "sql-identifier"),
        ("INSERT INTO § VALUES (1)", "sql-identifier"),
        ("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = §", "sql-value"),
        ("UPDATE t SET a = §, b = '§' WHERE c = §", "sql-value sql-quoted-whole sql-value"),
        ("UPDATE t SET § = 1", "sql-identifier"),
        ("UPDATE § SET a = 1", "sql-identifier"),
        ("DELETE FROM t WHERE §", "sql-clause"),
        ("DELETE FROM t WHERE § = 'x'", "sql-identifier"),
        ("DELETE FROM t WHERE § LIKE 'x'", "sql-identifier"),
        ("SELECT * FROM t WHERE a IN (§)", "sql-in-list"),
        ("SELECT * FROM t WHERE a NOT IN (1, §, 2) AND b = §", "sql-in-list sql-value"),
        ("SELECT * FROM t WHERE a IN (SELECT b FROM c WHERE d = §)", "sql-value"),
        ("SELECT * FROM t LIMIT § OFFSET §", "sql-limit sql-limit"),
        ("SELECT * FROM t LIMIT 10, §", "sql-limit"),
        ("SELECT * FROM t OFFSET § ROWS FETCH NEXT § ROWS ONLY", "sql-limit sql-limit"),
        ("SELECT TOP § a FROM t", "sql-limit"),
        ("SELECT TOP (§) a FROM t", "sql-limit"),
        ("SELECT § FROM t", "sql-identifier"),
        ("SELECT a, § FROM §", "sql-identifier sql-identifier"),
        ("SELECT t.§ FROM tab_§ WHERE x.§ = 1", "sql-identifier sql-identifier sql-identifier"),
        ("SELECT * FROM a JOIN § ON a.x = §", "sql-identifier sql-value"),
        ("SELECT a FROM t GROUP BY § HAVING count(*) > §", "sql-identifier sql-value"),
        ("SELECT a FROM t ORDER BY §", "sql-order-by"),
        ("SELECT a FROM t ORDER BY a, § LIMIT 5", "sql-order-by"),
        ("SELECT a FROM t ORDER BY a §", "sql-sort-direction"),
        ("SELECT a FROM t ORDER BY § §", "sql-order-by sql-sort-direction"),
        ("{call §(?, ?)}", "sql-call"),
        ("{? = call p(§)}", "sql-value"),
        ("{call §}", "sql-call"),
        ("EXEC pkg.§", "sql-call"),
        ("EXEC p §, '§'", "sql-value sql-quoted-whole"),
        ("SELECT * FROM t §", "sql-clause"),
        ("SELECT * FROM t WHERE a = 1 §", "sql-clause"),
        ("SELECT * FROM t WHERE a § 1", "sql-clause"),
        ("§", "sql-whole-statement"),
        ("  /* x */ § FROM t", "sql-whole-statement"),
        ("SELECT 1; §", "sql-whole-statement"),
        ("SELECT 1 -- §\n WHERE a = §", "sql-comment sql-value"),
        ("SELECT /* ' § */ a FROM t WHERE b = '§'", "sql-comment sql-quoted-whole"),
        ("SELECT 1 # it's §\n WHERE a = '§'", "sql-comment sql-quoted-whole"),
        ("SELECT \"§\" FROM `§` WHERE [§] = 1", "sql-ident-quoted sql-ident-quoted sql-ident-quoted"),
        ("SELECT a AS '§' FROM t", "sql-ident-quoted"),
        ("CREATE USER '§' IDENTIFIED BY '§'", "sql-ddl sql-ddl"),
        ("DROP TABLE IF EXISTS §", "sql-identifier"),
        ("GRANT § ON t TO §", "sql-ddl sql-identifier"),
        ("ALTER TABLE t ADD COLUMN c int DEFAULT §", "sql-ddl"),
        ("SELECT $$ ' § $$ FROM t WHERE a = '§'", "sql-quoted-part sql-quoted-whole"),
        ("SELECT $f$ $ ' § $f$, §", "sql-quoted-part sql-identifier"),
        ("SELECT q'[it's §]' FROM t WHERE a = '§'", "sql-quoted-part sql-quoted-whole"),
        ("SELECT * FROM t WHERE a = E'x\\'§' AND b = §", "sql-quoted-part sql-value"),
        ("SELECT * FROM t WHERE a LIKE 'x' ESCAPE '\\' AND b = '§'", "sql-quoted-whole"),
        ("WITH § AS (SELECT 1) SELECT * FROM x WHERE y = §", "sql-identifier sql-value"),
        ("SELECT '--' FROM t WHERE a = '§'", "sql-quoted-whole"),
        ("SELECT a FROM t WHERE x = :n AND y = §", "sql-value"),
        ("SELECT a FROM t WHERE x = %s AND y = '§'", "sql-quoted-whole"),
        ("SELECT a FROM t WHERE x = #{n} AND y = '§'", "sql-quoted-whole"),
        ("SELECT a::text FROM t WHERE LEFT(a, 1) = '§'", "sql-quoted-whole"),
        ("SELECT 'a' || '§' || 'b'", "sql-quoted-whole"),
        ("SELECT '\u{e9}\u{4e2d}§'", "sql-quoted-part"),
    ];
    for (text, want) in table {
        assert_eq!(labels(Dialect::Sql, text), *want, "{text}");
    }
}

#[test]
fn details() {
    let found = ctx(Dialect::Sql, "SELECT * FROM u WHERE n ILIKE '%§_x' AND m = 'a'");
    assert_eq!((found.prefix.as_str(), found.suffix.as_str()), ("%", "_x"));
    assert!(found.like);
    assert_eq!(found.quote, Quote::Single);
    assert_eq!(found.start_in_lit, "SELECT * FROM u WHERE n ILIKE '".len());
    assert!(!ctx(Dialect::Sql, "SELECT * FROM u WHERE n LIKE 'x' AND m = '§'").like);
    assert!(ctx(Dialect::Sql, "SELECT * FROM u WHERE n IN ('a', '§')").in_list);
    assert!(!ctx(Dialect::Sql, "SELECT * FROM u WHERE n IN ('a') AND b = '§'").in_list);
    for (text, several) in [
        ("SELECT '§'; DROP TABLE x", true),
        ("SELECT '§';", false),
        ("SELECT '§'; -- done", false),
        ("SELECT '§;x'", false),
        ("DELETE FROM a; SELECT §", true),
        ("SELECT '§'; x", true),
    ] {
        assert_eq!(ctx(Dialect::Sql, text).several_statements, several, "{text}");
    }
}

#[test]
fn breaking_characters() {
    let quoted = ctx(Dialect::Sql, "SELECT '§'");
    let value = ctx(Dialect::Sql, "SELECT * FROM t WHERE a = §");
    assert!(can_break(&quoted, None, 0));
    assert!(can_break(&quoted, None, chars::mask("'")));
    assert!(!can_break(&quoted, None, chars::mask("'\\")));
    assert!(!can_break(&quoted, Some(chars::ALNUM), 0));
    assert!(can_break(&value, None, chars::mask("'\\\"; ")));
    assert!(can_break(&value, Some(chars::ALNUM), 0));
    assert!(!can_break(&value, Some(chars::NUMBER), 0));
    let comment = ctx(Dialect::Sql, "SELECT 1 /* § */");
    assert!(!can_break(&comment, None, chars::mask("/")));
    let hint = ctx(Dialect::Sql, "SELECT 1 /*! § */");
    assert!(can_break(&hint, None, chars::mask("*/")));
    for text in ["SELECT 'x§ FROM t", "SELECT * FROM t ORDER BY §", "§", "{call §}"] {
        assert!(can_break(&ctx(Dialect::Sql, text), None, 0), "{text}");
    }
}

/// Apply a plan: cut around the holes and put `?` for each group.
fn rewrite(text: &str) -> Result<String, SqlProblem> {
    let parts = pieces(text);
    let plan = sql_plan(&parts)?;
    let runs: Vec<&str> = text.split('§').collect();
    let mut out = String::new();
    let mut seen = None;
    let mut skip = 0;
    for (at, run) in runs.iter().enumerate() {
        let cut = plan.get(at).map_or(0, |hole| hole.cut_before);
        out.push_str(run.get(skip..run.len() - cut).unwrap_or(""));
        let Some(hole) = plan.get(at) else { break };
        if hole.label.sql_bindable() {
            if seen != Some(hole.group) {
                out.push('?');
            }
        } else {
            out.push('§');
        }
        seen = Some(hole.group);
        skip = hole.cut_after;
    }
    Ok(out)
}

#[test]
fn plans() {
    let table: &[(&str, &str)] = &[
        ("SELECT * FROM u WHERE n='§' AND m='§'", "SELECT * FROM u WHERE n=? AND m=?"),
        ("SELECT * FROM u WHERE n LIKE '%§%' AND u=§", "SELECT * FROM u WHERE n LIKE ? AND u=?"),
        ("SELECT '§-mid-§' FROM t", "SELECT ? FROM t"),
        ("SELECT 'a§b§c§d', §", "SELECT ?, §"),
        ("SELECT N'§' || E'x§'", "SELECT ? || ?"),
        ("SELECT 'it''s §''s' || 'z'", "SELECT ? || 'z'"),
        ("SELECT a FROM t ORDER BY §", "SELECT a FROM t ORDER BY §"),
        ("SELECT a FROM t WHERE b IN (§, '§') LIMIT §", "SELECT a FROM t WHERE b IN (?, ?) LIMIT ?"),
        ("SELECT '\u{e9}' || '\u{e9}§\u{4e2d}' || '\u{e9}'", "SELECT '\u{e9}' || ? || '\u{e9}'"),
        ("DROP USER '§'", "DROP USER '§'"),
    ];
    for (text, want) in table {
        let want = want.replace("DROP USER '§'", "DROP USER §");
        assert_eq!(rewrite(text).as_deref(), Ok(want.as_str()), "{text}");
    }
    let plan = sql_plan(&pieces("SELECT 'it''s §-§''s'")).unwrap();
    assert_eq!(plan[0].prefix, "it's ");
    assert_eq!((plan[0].suffix.as_str(), plan[0].cut_after), ("", 0));
    assert_eq!((plan[1].prefix.as_str(), plan[1].suffix.as_str()), ("-", "'s"));
    assert_eq!(plan[0].group, plan[1].group);
    assert_eq!(plan[1].cut_before, 1);
}

#[test]
fn refusals() {
    use SqlProblem as P;
    for (text, want) in [
        ("SELECT '§'; SELECT 2", P::SeveralStatements),
        ("SELECT 'a\\§'", P::Backslash { hole: 0 }),
        ("SELECT '§\\n'", P::Backslash { hole: 0 }),
        ("SELECT 'a\\' b', '§'", P::Backslash { hole: 0 }),
        ("SELECT $$§$$", P::CustomQuote { hole: 0 }),
        ("SELECT q'{§}'", P::CustomQuote { hole: 0 }),
        ("SELECT * FROM t WHERE d = DATE '§'", P::TypedLiteral { hole: 0 }),
        ("SELECT * FROM t WHERE d > now() - INTERVAL '§ days'", P::TypedLiteral { hole: 0 }),
        ("SELECT * FROM t WHERE d = {ts '§'}", P::TypedLiteral { hole: 0 }),
        ("SELECT X'§'", P::TypedLiteral { hole: 0 }),
        ("SELECT _utf8'§'", P::TypedLiteral { hole: 0 }),
        ("SELECT '§", P::Unterminated { hole: 0 }),
        ("SELECT '§' WHERE a = 'x§", P::Unterminated { hole: 1 }),
        ("SELECT * FROM t WHERE a = 1§", P::PartialToken { hole: 0 }),
        ("SELECT * FROM t WHERE a = §5", P::PartialToken { hole: 0 }),
    ] {
        assert_eq!(sql_plan(&pieces(text)), Err(want), "{text}");
    }
}

#[test]
fn placeholders_before_a_hole() {
    let text = "SELECT '?' , \"?\" -- ?\n FROM t WHERE a = ? AND j ?? 'k' AND b = '§' AND c = ? AND d = §";
    let plan = sql_plan(&pieces(text)).unwrap();
    assert_eq!(plan[0].before.question, 1);
    assert_eq!(plan[1].before.question, 2);
    let facts = sql_text(&pieces(
        "SELECT a::int, '10:30', 'x :word', 5 % 2 FROM t WHERE a = :id AND b = %s AND c = %(n)s AND d LIKE 'x%' AND e = $2 AND f = #{g} AND h = @p AND i = @@v AND j = '§'",
    ));
    let found = &facts.placeholders;
    assert_eq!(found.named, ["id"]);
    assert_eq!(found.format, 1);
    assert_eq!(found.format_named, ["n"]);
    assert_eq!(found.dollar, 2);
    assert_eq!(found.mybatis, 1);
    assert_eq!(found.at_named, ["p"]);
    assert_eq!(facts.percents.len(), 2);
    assert_eq!(facts.colon_words, ["word"]);
    assert!(sql_text(&pieces("SELECT a FROM t WHERE b = '§'")).placeholders.is_empty());
}

#[test]
fn every_label_has_its_name() {
    for label in Label::ALL {
        let name = serde_json::to_string(label).unwrap();
        assert_eq!(name, format!("\"{}\"", label.as_str()));
    }
}
