//! Rows of SQLite's tables: the record format (sqlite.org, "Database File Format", section 2).

/// The most columns that a table can have (sqlite.org, "Implementation Limits For SQLite").
const MAX_COLUMNS: usize = 32767;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Value {
    /// An integer.
    Integer(i64),
    /// A text or a blob.
    Bytes(Vec<u8>),
    /// NULL or a fraction, which nothing here asks for.
    Other,
}

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Row {
    id: i64,
    pub(super) values: Vec<Value>,
}

impl Row {
    /// Reads a record: the size of its head, the type of each value, the values.
    pub(super) fn parse(id: i64, record: &[u8]) -> Option<Self> {
        let (size, _) = varint(record)?;
        let (head, mut content) = record.split_at_checked(usize::try_from(size).ok()?)?;
        let mut head = varint(head)?.1;
        let mut values = Vec::new();
        while !head.is_empty() {
            if values.len() == MAX_COLUMNS {
                return None;
            }
            let (kind, rest) = varint(head)?;
            let (value, after) = value(kind, content)?;
            values.push(value);
            (head, content) = (rest, after);
        }
        Some(Self { id, values })
    }

    /// An integer; the row's number where it takes the place of a column (`INTEGER PRIMARY KEY`,
    /// section 2.3).
    pub(in super::super) fn integer(&self, column: usize) -> Option<i64> {
        match self.values.get(column)? {
            Value::Integer(integer) => Some(*integer),
            Value::Other => Some(self.id),
            Value::Bytes(_) => None,
        }
    }

    /// The bytes of a text or a blob.
    pub(in super::super) fn bytes(&self, column: usize) -> Option<&[u8]> {
        match self.values.get(column)? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A value of a type (section 2.1, "Serial Type Codes"), and what follows it.
fn value(kind: u64, content: &[u8]) -> Option<(Value, &[u8])> {
    let len = match kind {
        0 | 8 | 9 => 0,
        1..=4 => kind as usize,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        _ => usize::try_from((kind - 12) / 2).ok()?,
    };
    let (bytes, rest) = content.split_at_checked(len)?;
    let value = match kind {
        0 | 7 => Value::Other,
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        1..=6 => Value::Integer(signed(bytes)),
        _ => Value::Bytes(bytes.to_vec()),
    };
    Some((value, rest))
}

/// A big-endian integer with its sign.
fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |n, byte| n << 8 | i64::from(*byte))
}

/// A number of up to nine bytes (section 1.6), and what follows it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        if at == 8 {
            return Some((number << 8 | u64::from(*byte), &bytes[9..]));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

/// The names of the columns in the text of `CREATE TABLE`, comments left out.
pub(super) fn columns(sql: &str) -> Vec<String> {
    let sql = without_comments(sql);
    let Some((_, definitions)) = sql.split_once('(') else {
        return Vec::new();
    };
    let mut depth = 0;
    let definitions = definitions.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    let word = |definition: &str| {
        let word = definition.split_whitespace().next()?;
        Some(
            word.trim_matches(['"', '`', '\'', '[', ']', ')'])
                .to_owned(),
        )
    };
    definitions.filter_map(word).collect()
}

fn without_comments(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_the_first_words_between_commas() {
        let sql = "CREATE TABLE t (\n id INTEGER PRIMARY KEY, /* a, b */ \"name\" TEXT(1, 2), CONSTRAINT c UNIQUE (id, name))";
        assert_eq!(columns(sql), ["id", "name", "CONSTRAINT"]);
        assert_eq!(columns("CREATE TABLE t(a)"), ["a"]);
        assert!(columns("").is_empty());
    }

    #[test]
    fn numbers_of_up_to_nine_bytes() {
        assert_eq!(varint(&[0x7f, 1]), Some((127, &[1][..])));
        assert_eq!(varint(&[0x81, 0x00]), Some((128, &[][..])));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, &[][..])));
        assert_eq!(varint(&[0xff; 8]), None);
    }

    #[test]
    fn integers_have_a_sign() {
        assert_eq!(signed(&[0xff, 0xfe]), -2);
        assert_eq!(signed(&[0x01, 0x00]), 256);
    }
}
