//! The language, and what is said of mistakes in it.

use super::{Expr, Form, Literal, Parsed, parse, shown};

/// A tree in one line, with `@offset` behind each expression if it is asked for.
fn tree(source: &str, places: bool) -> String {
    match parse(source) {
        Ok(parsed) => one(&parsed, &parsed.root, places),
        Err(faults) => shown(source, faults),
    }
}

fn one(parsed: &Parsed, expr: &Expr, places: bool) -> String {
    let each = |exprs: &[Expr]| {
        let shown: Vec<String> = exprs.iter().map(|e| one(parsed, e, places)).collect();
        shown.join(", ")
    };
    let text = match &expr.form {
        Form::Missing => "?".into(),
        Form::Literal(Literal::Text(text)) => format!("{text:?}"),
        Form::Literal(Literal::Uint(number)) => format!("{number}u"),
        Form::Literal(Literal::Int(number)) => number.to_string(),
        Form::Literal(Literal::Double(number)) => format!("{number:?}"),
        Form::Literal(Literal::Bytes(bytes)) => format!("b{bytes:?}"),
        Form::Literal(Literal::Bool(value)) => value.to_string(),
        Form::Literal(Literal::Null) => "null".into(),
        Form::Ident(name) => name.clone(),
        Form::Select {
            operand,
            field,
            test,
        } => {
            let test = if *test { "~" } else { "" };
            format!("{}.{field}{test}", one(parsed, operand, places))
        }
        Form::Call {
            function,
            target: Some(target),
            args,
        } => format!("{}.{function}({})", one(parsed, target, places), each(args)),
        Form::Call { function, args, .. } => format!("{function}({})", each(args)),
        Form::List { items, optional } if optional.is_empty() => format!("[{}]", each(items)),
        Form::List { items, optional } => format!("[{}]?{optional:?}", each(items)),
        Form::Map(entries) => {
            let entries = entries.iter().map(|entry| {
                let (key, value) = (&entry.key, &entry.value);
                let mark = if entry.optional { "?" } else { "" };
                format!(
                    "{mark}{}: {}",
                    one(parsed, key, places),
                    one(parsed, value, places)
                )
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Form::Message(name, _) => format!("{name}{{}}"),
        Form::Comprehension(fold) => format!(
            "fold({} in {}, {}; {}; {}; {})",
            fold.var,
            one(parsed, &fold.range, places),
            one(parsed, &fold.init, places),
            one(parsed, &fold.condition, places),
            one(parsed, &fold.step, places),
            one(parsed, &fold.result, places)
        ),
    };
    match places {
        true => format!("{text}@{}", parsed.place(expr.id)),
        false => text,
    }
}

fn plain(source: &str) -> String {
    tree(source, false)
}

#[test]
fn precedence_and_associativity() {
    assert_eq!(plain("a + b * c - d"), "_-_(_+_(a, _*_(b, c)), d)");
    assert_eq!(plain("a * b % c / d"), "_/_(_%_(_*_(a, b), c), d)");
    assert_eq!(
        plain("a + b < c && d || e"),
        "_||_(_&&_(_<_(_+_(a, b), c), d), e)"
    );
    assert_eq!(plain("a == b != c in d"), "@in(_!=_(_==_(a, b), c), d)");
    assert_eq!(plain("a ? b : c ? d : e"), "_?_:_(a, b, _?_:_(c, d, e))");
    assert_eq!(
        plain("a || b ? c || d : e"),
        "_?_:_(_||_(a, b), _||_(c, d), e)"
    );
    assert_eq!(plain("(a + b) * c"), "_*_(_+_(a, b), c)");
    assert_eq!(
        plain("!a.b[0] && -c.d() < 1"),
        "_&&_(!_(_[_](a.b, 0)), _<_(-_(c.d()), 1))"
    );
    assert_eq!(plain("!!a == --b"), "_==_(a, b)");
    assert_eq!(plain("!!!a"), "!_(a)");
}

#[test]
fn long_chains_are_balanced() {
    assert_eq!(plain("a && b && c && d"), "_&&_(_&&_(a, b), _&&_(c, d))");
    assert_eq!(
        plain("a || b || c || d || e"),
        "_||_(_||_(_||_(a, b), c), _||_(d, e))"
    );
}

#[test]
fn literals() {
    assert_eq!(plain("[0x1F, -0x10, 42u, 0xFu]"), "[31, -16, 42u, 15u]");
    assert_eq!(
        plain("[1.5, .5, 1e3, -2.5E-1]"),
        "[1.5, 0.5, 1000.0, -0.25]"
    );
    assert_eq!(plain("-9223372036854775808"), "-9223372036854775808");
    assert_eq!(plain("1 - -1"), "_-_(1, -1)");
    assert_eq!(
        plain("[true, false, null, truer]"),
        "[true, false, null, truer]"
    );
}

#[test]
fn strings() {
    assert_eq!(plain(r#"'a"b' + "c'd""#), r#"_+_("a\"b", "c'd")"#);
    assert_eq!(
        plain(r"'\a\b\f\n\r\t\v\\\?\'\`'"),
        r#""\u{7}\u{8}\u{c}\n\r\t\u{b}\\?'`""#
    );
    assert_eq!(plain(r"'\x41\X42\u00e9\U0001F431\101'"), "\"ABé🐱A\"");
    assert_eq!(plain(r"r'\n' + R'''a'b\'''"), r#"_+_("\\n", "a'b\\")"#);
    assert_eq!(plain("'''a\r\n'b'\n'''"), "\"a\\n'b'\\n\"");
    assert_eq!(plain("''"), "\"\"");
    assert_eq!(
        plain(r"b'\xff\377é' + br'\x'"),
        r"_+_(b[255, 255, 195, 169], b[92, 120])"
    );
}

#[test]
fn what_is_optional_and_what_is_escaped() {
    assert_eq!(plain("a.?b[?c].`d-e/f`"), "_[?_](_?._(a, \"b\"), c).d-e/f");
    assert_eq!(plain("[a, ?b,]"), "[a, b]?[1]");
    assert_eq!(plain("{a: 1, ?'b': c,}"), "{a: 1, ?\"b\": c}");
    assert_eq!(plain("[,] == []"), "_==_([], [])");
    assert_eq!(plain("a.b.C{d: 1}"), "a.b.C{}");
    assert_eq!(plain(".a.b + .c()"), "_+_(.a.b, .c())");
}

#[test]
fn comments_and_white_space() {
    assert_eq!(plain("a // + b\n\t+\u{c}c//"), "_+_(a, c)");
}

#[test]
fn macros() {
    assert_eq!(plain("has(a.b)"), "a.b~");
    assert_eq!(
        plain("a.all(x, x > 0)"),
        "fold(x in a, true; @not_strictly_false(@result); _&&_(@result, _>_(x, 0)); @result)"
    );
    assert_eq!(
        plain("a.exists(x, x)"),
        "fold(x in a, false; @not_strictly_false(!_(@result)); _||_(@result, x); @result)"
    );
    assert_eq!(
        plain("a.exists_one(x, x)"),
        "fold(x in a, 0; true; _?_:_(x, _+_(@result, 1), @result); _==_(@result, 1))"
    );
    assert_eq!(
        plain("a.map(x, f(x))"),
        "fold(x in a, []; true; _+_(@result, [f(x)]); @result)"
    );
    assert_eq!(
        plain("a.map(x, p, f)"),
        "fold(x in a, []; true; _?_:_(p, _+_(@result, [f]), @result); @result)"
    );
    assert_eq!(
        plain("a.filter(x, p)"),
        "fold(x in a, []; true; _?_:_(p, _+_(@result, [x]), @result); @result)"
    );
    // Others are left to the checker.
    assert_eq!(plain("a.all(k, v, p)"), "a.all(k, v, p)");
    assert_eq!(plain("all(x, p)"), "all(x, p)");
}

#[test]
fn places() {
    assert_eq!(
        tree("'é' + a.b[0]", true),
        "_+_(\"é\"@0, _[_](a@7.b@8, 0@11)@10)@5"
    );
    assert_eq!(
        tree("f(-1, !a, x.g(2))", true),
        "f(-1@3, !_(a@7)@6, x@10.g(2@14)@13)@1"
    );
    assert_eq!(
        tree("a ? [b] : {c: d}", true),
        "_?_:_(a@0, [b@5]@4, {c@11: d@14}@10)@2"
    );
    assert_eq!(
        tree("a.filter(x, x)", true),
        "fold(x in a@0, []@8; true@8; _?_:_(x@12, _+_(@result@8, [x@9]@8)@8, @result@8)@8; @result@8)@8"
    );
}

const EXPRESSION: &str = "'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER";

/// The messages of a text's faults, with where they are.
fn faults(source: &str) -> Vec<String> {
    tree(source, false)
        .lines()
        .filter_map(|line| line.strip_prefix("ERROR: <input>:"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_is_missing() {
    let expecting = |what: &str| format!("expecting {{{what}}}");
    let any = expecting(EXPRESSION);
    assert_eq!(
        faults("self.a =="),
        [format!(
            "1:10: Syntax error: mismatched input '<EOF>' {any}"
        )]
    );
    assert_eq!(
        faults(""),
        [format!("1:1: Syntax error: mismatched input '<EOF>' {any}")]
    );
    assert_eq!(faults("(a"), ["1:3: Syntax error: missing ')' at '<EOF>'"]);
    assert_eq!(
        faults("a ? b"),
        ["1:6: Syntax error: mismatched input '<EOF>' expecting ':'"]
    );
    assert_eq!(
        faults("[a b]"),
        ["1:4: Syntax error: extraneous input 'b' expecting {']', ','}"]
    );
    assert_eq!(
        faults("{a}"),
        ["1:3: Syntax error: mismatched input '}' expecting ':'"]
    );
}

#[test]
fn what_is_too_much() {
    let any = format!("expecting {{{EXPRESSION}}}");
    assert_eq!(
        faults("a b"),
        ["1:3: Syntax error: extraneous input 'b' expecting <EOF>"]
    );
    assert_eq!(
        faults("a b c"),
        ["1:3: Syntax error: mismatched input 'b' expecting <EOF>"]
    );
    assert_eq!(
        faults("a && && b"),
        [format!("1:6: Syntax error: extraneous input '&&' {any}")]
    );
    assert_eq!(
        faults("self..s"),
        ["1:6: Syntax error: no viable alternative at input '..'"]
    );
    assert_eq!(
        faults("self.true"),
        ["1:6: Syntax error: mismatched input 'true' expecting IDENTIFIER"]
    );
}

#[test]
fn what_is_no_token() {
    assert_eq!(
        faults("0XF"),
        ["1:2: Syntax error: extraneous input 'XF' expecting <EOF>"]
    );
    assert_eq!(
        faults("a & b"),
        [
            "1:3: Syntax error: token recognition error at: '& '",
            "1:5: Syntax error: extraneous input 'b' expecting <EOF>"
        ]
    );
    assert_eq!(
        faults("a == 'x"),
        [
            "1:6: Syntax error: token recognition error at: ''x'".to_owned(),
            format!("1:8: Syntax error: mismatched input '<EOF>' expecting {{{EXPRESSION}}}")
        ]
    );
    assert_eq!(
        faults("@a"),
        ["1:1: Syntax error: token recognition error at: '@'"]
    );
}

#[test]
fn what_the_grammar_does_not_see() {
    assert_eq!(faults("a.as + if"), ["1:8: reserved identifier: if"]);
    assert_eq!(faults("has(a)"), ["1:5: invalid argument to has() macro"]);
    assert_eq!(
        faults("a.all(b.c, d)"),
        ["1:8: argument must be a simple name"]
    );
    assert_eq!(faults("9223372036854775808"), ["1:1: invalid int literal"]);
    assert_eq!(
        faults("18446744073709551616u"),
        ["1:1: invalid uint literal"]
    );
    assert_eq!(faults("1e999"), ["1:1: invalid double literal"]);
    assert_eq!(faults(r"'\ud800'"), ["1:1: invalid unicode code point"]);
}

#[test]
fn a_fault_shows_its_line() {
    assert_eq!(
        plain("a ==\n\t'é' 1"),
        "ERROR: <input>:2:6: Syntax error: extraneous input '1' expecting <EOF>\n |  'é' 1\n | ..．..^"
    );
}

#[test]
fn nothing_overflows_the_stack() {
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    let deep = "ERROR: <input>:1:1: expression recursion limit exceeded: 250";
    assert!(plain(&nested(251)).starts_with(deep));
    assert!(parse(&nested(249)).is_ok());
    // Chains inside of chains.
    let chain = ".b".repeat(200);
    let chains = |depth| {
        format!(
            "{}a{chain}{}",
            "(".repeat(depth),
            format!("){chain}").repeat(depth)
        )
    };
    assert!(parse(&chains(1)).is_ok());
    assert!(plain(&chains(240)).starts_with(deep));
    let chain = format!("a{}", ".b".repeat(10_000));
    let long = "ERROR: <input>:1:1: expression recursion limit exceeded: 250";
    assert!(plain(&chain).starts_with(long));
    assert!(plain(&format!("1{}", " + 1".repeat(10_000))).starts_with(long));
    assert!(parse(&format!("a{}", " && a".repeat(2_000))).is_ok());
    assert_eq!(faults(&"a b ".repeat(100)).len(), 1);
    assert!(!faults(&"(]".repeat(200)).is_empty());
}
