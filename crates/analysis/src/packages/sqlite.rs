//! Reads tables of SQLite databases (sqlite.org, "Database File Format"): rpm's and dnf's.
//!
//! Only what a scan of whole tables needs, and the write-ahead log, which stays beside a database
//! whose last writer was killed. No SQL, no indexes. SQLite itself would be 9 MB of C to compile,
//! reads files or a copy of the bytes only, and from a copy not the log; here the input is an
//! image's, and nothing in it can do more than give a wrong answer.

mod record;
mod wal;

use std::collections::BTreeMap;

use super::pages::Pages;
pub(super) use record::{Row, Value};

/// A database that is open for reading.
pub(super) struct Database<'a> {
    file: &'a [u8],
    log: BTreeMap<u32, &'a [u8]>,
    page_size: usize,
    /// The size of a page without what is reserved at its end (section 1.3.4).
    usable: usize,
}

/// A table: where it begins, and its columns in order.
pub(super) struct Table {
    root: u32,
    columns: Vec<String>,
}

impl<'a> Database<'a> {
    /// Opens a database with its write-ahead log, which may be empty.
    pub(super) fn open(file: &'a [u8], log: &'a [u8]) -> Result<Self, String> {
        let mut log = wal::committed(log);
        // The first page may be only in the log.
        let head = log.get(&1).copied().unwrap_or(file);
        if !head.starts_with(b"SQLite format 3\0") || head.len() < 100 {
            return Err("not a database of SQLite".to_owned());
        }
        let page_size = match u16::from_be_bytes([head[16], head[17]]) {
            1 => 65536,
            size => usize::from(size),
        };
        let usable = page_size.saturating_sub(usize::from(head[20]));
        if !page_size.is_power_of_two() || page_size < 512 || usable < 480 {
            return Err(format!("pages of {page_size} bytes are impossible"));
        }
        log.retain(|_, page| page.len() == page_size);
        // Section 1.3.13; rpm and dnf write UTF-8.
        if head[59] != 1 {
            return Err("text in UTF-16 is not read".to_owned());
        }
        Ok(Self {
            file,
            log,
            page_size,
            usable,
        })
    }

    /// Finds a table by its name in the schema (section 2.6).
    pub(super) fn table(&self, name: &str) -> Result<Table, String> {
        let mut found = None;
        self.scan(1, &mut |row| {
            if let Ok(row) = row
                && let [
                    Value::Bytes(kind),
                    Value::Bytes(of),
                    _,
                    Value::Integer(root),
                    Value::Bytes(sql),
                    ..,
                ] = row.values.as_slice()
                && kind == b"table"
                && of == name.as_bytes()
                && let Ok(root) = u32::try_from(*root)
            {
                let columns = record::columns(&String::from_utf8_lossy(sql));
                found = Some(Table { root, columns });
            }
        });
        found.ok_or_else(|| format!("there is no table {name}"))
    }

    /// Gives each row of a table, or why some cannot be read.
    pub(super) fn rows(&self, table: &Table, each: &mut dyn FnMut(Result<Row, String>)) {
        self.scan(table.root, each);
    }

    /// Walks a table's tree from its root (section 1.6).
    fn scan(&self, root: u32, each: &mut dyn FnMut(Result<Row, String>)) {
        let mut scan = Scan {
            database: self,
            pages: Pages::new(self.file, self.page_size),
        };
        let mut stack = vec![root];
        while let Some(number) = stack.pop() {
            if let Err(reason) = scan.page(number, &mut stack, each) {
                each(Err(reason));
            }
        }
    }
}

impl Table {
    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, String> {
        let at = self.columns.iter().position(|column| column == name);
        at.ok_or_else(|| format!("there is no column {name}"))
    }
}

struct Scan<'a> {
    database: &'a Database<'a>,
    pages: Pages<'a>,
}

impl<'a> Scan<'a> {
    fn take(&mut self, number: u32) -> Result<&'a [u8], String> {
        let place = number.wrapping_sub(1);
        match self.database.log.get(&number) {
            Some(logged) => self.pages.mark(place).map(|()| *logged),
            None => self.pages.take(place),
        }
    }

    /// Reads the rows of a leaf, or puts the pages below on the stack, the first on top.
    fn page(
        &mut self,
        number: u32,
        stack: &mut Vec<u32>,
        each: &mut dyn FnMut(Result<Row, String>),
    ) -> Result<(), String> {
        let page = self.take(number)?;
        // The file's own head stands on the first page.
        let head = if number == 1 { 100 } else { 0 };
        let count = usize::from(be16(page, head + 3).unwrap_or_default());
        let cells = |first: usize| {
            let places = (0..count).map_while(move |cell| be16(page, first + 2 * cell));
            places.filter_map(move |place| page.get(usize::from(place)..))
        };
        match page[head] {
            0x05 => {
                let below = stack.len();
                stack.extend(cells(head + 12).filter_map(|cell| be32(cell, 0)));
                stack.extend(be32(page, head + 8));
                stack[below..].reverse();
                Ok(())
            }
            0x0d => {
                let mut room = page.len();
                for cell in cells(head + 8) {
                    each(Ok(self.row(cell, &mut room)?));
                }
                Ok(())
            }
            kind => Err(format!("page {number} of type {kind} in a table")),
        }
    }

    /// A cell of a leaf: the length of the row, its number, the row or its beginning. Takes what
    /// the leaf has of the row from the room that there is for rows on a page.
    fn row(&mut self, cell: &[u8], room: &mut usize) -> Result<Row, String> {
        let parts = || {
            let (len, rest) = record::varint(cell)?;
            let (id, rest) = record::varint(rest)?;
            Some((usize::try_from(len).ok()?, id, rest))
        };
        let (len, id, rest) = parts().ok_or("a row without a beginning")?;
        let local = self.local_part(len);
        *room = room.checked_sub(local).ok_or("rows lie over each other")?;
        let start = rest.get(..local).ok_or("a row that is cut short")?;
        let mut payload = start.to_vec();
        let mut next = be32(rest, local).unwrap_or_default();
        while payload.len() < len {
            let page = self.take(next)?;
            next = be32(page, 0).unwrap_or_default();
            let missing = len - payload.len();
            let content = &page[4..self.database.usable];
            payload.extend(&content[..missing.min(content.len())]);
        }
        Row::parse(id as i64, &payload).ok_or_else(|| "a damaged row".to_owned())
    }

    /// How much of a row stands on its leaf (section 1.6, "Cell payload overflow").
    fn local_part(&self, len: usize) -> usize {
        let usable = self.database.usable;
        let most = usable - 35;
        if len <= most {
            return len;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let part = least + (len - least) % (usable - 4);
        if part <= most { part } else { least }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let two = *bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(two))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = *bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(four))
}
