//! The tokens, in the order in which the server's parser lists what it expected.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    End,
    Equals,
    NotEquals,
    In,
    Less,
    LessEquals,
    GreaterEquals,
    Greater,
    And,
    Or,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    OpenParen,
    CloseParen,
    Dot,
    Comma,
    Minus,
    Not,
    Question,
    Colon,
    Plus,
    Star,
    Slash,
    Percent,
    True,
    False,
    Null,
    Float,
    Int,
    Uint,
    String,
    Bytes,
    Ident,
    EscapedIdent,
}

/// All kinds with how they are named in messages.
const NAMES: [(Kind, &str); 36] = [
    (Kind::End, "<EOF>"),
    (Kind::Equals, "'=='"),
    (Kind::NotEquals, "'!='"),
    (Kind::In, "'in'"),
    (Kind::Less, "'<'"),
    (Kind::LessEquals, "'<='"),
    (Kind::GreaterEquals, "'>='"),
    (Kind::Greater, "'>'"),
    (Kind::And, "'&&'"),
    (Kind::Or, "'||'"),
    (Kind::OpenBracket, "'['"),
    (Kind::CloseBracket, "']'"),
    (Kind::OpenBrace, "'{'"),
    (Kind::CloseBrace, "'}'"),
    (Kind::OpenParen, "'('"),
    (Kind::CloseParen, "')'"),
    (Kind::Dot, "'.'"),
    (Kind::Comma, "','"),
    (Kind::Minus, "'-'"),
    (Kind::Not, "'!'"),
    (Kind::Question, "'?'"),
    (Kind::Colon, "':'"),
    (Kind::Plus, "'+'"),
    (Kind::Star, "'*'"),
    (Kind::Slash, "'/'"),
    (Kind::Percent, "'%'"),
    (Kind::True, "'true'"),
    (Kind::False, "'false'"),
    (Kind::Null, "'null'"),
    (Kind::Float, "NUM_FLOAT"),
    (Kind::Int, "NUM_INT"),
    (Kind::Uint, "NUM_UINT"),
    (Kind::String, "STRING"),
    (Kind::Bytes, "BYTES"),
    (Kind::Ident, "IDENTIFIER"),
    (Kind::EscapedIdent, "ESC_IDENTIFIER"),
];

/// A token: its kind and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Byte offsets; the end of the text is an empty token.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A set of kinds, and whether the rule at hand may end here, so that what follows depends on who asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    /// Nothing of its own: the rule ends.
    pub(super) const END_OF_RULE: Set = Set(1 << 63);

    pub(super) const fn of(kinds: &[Kind]) -> Set {
        let (mut bits, mut i) = (0, 0);
        while i < kinds.len() {
            bits |= 1 << kinds[i] as u64;
            i += 1;
        }
        Set(bits)
    }

    pub(super) const fn or(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }

    pub(super) const fn or_end(self) -> Set {
        self.or(Set::END_OF_RULE)
    }

    pub(super) const fn without_end(self) -> Set {
        Set(self.0 & !Set::END_OF_RULE.0)
    }

    pub(super) const fn may_end(self) -> bool {
        self.0 & Set::END_OF_RULE.0 != 0
    }

    pub(super) const fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u64) != 0
    }
}

impl std::fmt::Display for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = NAMES
            .iter()
            .filter(|(kind, _)| self.has(*kind))
            .map(|(_, name)| *name)
            .collect();
        match names.as_slice() {
            [only] => f.write_str(only),
            many => write!(f, "{{{}}}", many.join(", ")),
        }
    }
}
