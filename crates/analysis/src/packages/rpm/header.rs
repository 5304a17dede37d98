//! The header of an installed rpm package: tags with values.
//!
//! The form is that of package files without the leading magic (rpm.org, "RPM Package format",
//! section "Header"): the number of tags and the size of the data, both 32 bits and big-endian like
//! all numbers; for each tag its number, type, offset and count; the data.

/// Tags (rpm.org, "Tags").
pub(super) mod tag {
    pub(in super::super) const NAME: u32 = 1000;
    pub(in super::super) const VERSION: u32 = 1001;
    pub(in super::super) const RELEASE: u32 = 1002;
    pub(in super::super) const EPOCH: u32 = 1003;
    pub(in super::super) const ARCH: u32 = 1022;
    pub(in super::super) const OLD_FILE_NAMES: u32 = 1027;
    pub(in super::super) const FILE_STATES: u32 = 1029;
    pub(in super::super) const FILE_FLAGS: u32 = 1037;
    pub(in super::super) const SOURCE_RPM: u32 = 1044;
    pub(in super::super) const PROVIDE_NAME: u32 = 1047;
    pub(in super::super) const REQUIRE_NAME: u32 = 1049;
    pub(in super::super) const DIR_INDEXES: u32 = 1116;
    pub(in super::super) const BASE_NAMES: u32 = 1117;
    pub(in super::super) const DIR_NAMES: u32 = 1118;
}

/// The size of a tag's entry in the index.
const ENTRY: usize = 16;

/// A header, its sizes checked.
pub(super) struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

/// The value of a tag.
struct Value<'a> {
    kind: u32,
    count: usize,
    /// From the value to the end of the header.
    data: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads a header; what it says of itself must fit in the bytes.
    pub(super) fn parse(blob: &'a [u8]) -> Result<Self, String> {
        let sizes = || {
            let [tags, size] = [be32(blob, 0)?, be32(blob, 4)?].map(|n| n as usize);
            let index = tags.checked_mul(ENTRY)?;
            let (index, data) = blob.get(8..)?.split_at_checked(index)?;
            Some((index, data.get(..size)?))
        };
        let (index, data) = sizes().ok_or("a package header that is cut short")?;
        Ok(Self { index, data })
    }

    /// A text, or the first of several.
    pub(super) fn text(&self, tag: u32) -> Option<&'a [u8]> {
        self.texts(tag).next()
    }

    /// Texts; none for a tag of another type.
    pub(super) fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        // 6: one text, 8: several, 9: one in several languages.
        let value = self.value(tag, |kind| matches!(kind, 6 | 8 | 9));
        let value = value.into_iter();
        value.flat_map(|value| value.data.split(|&b| b == 0).take(value.count))
    }

    /// Numbers; none for a tag of another type.
    pub(super) fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> {
        let value = self.value(tag, |kind| matches!(kind, 1..=4)).into_iter();
        value.flat_map(|value| {
            // 1 and 2: bytes, 3: 16 bits, 4: 32 bits.
            let width = match value.kind {
                1 | 2 => 1,
                3 => 2,
                _ => 4,
            };
            let numbers = value.data.chunks_exact(width).take(value.count);
            numbers.map(|bytes| bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
        })
    }

    /// The last entry counts: what the installation adds stands behind what the package came with.
    fn value(&self, tag: u32, is_kind: fn(u32) -> bool) -> Option<Value<'a>> {
        let mut entries = self.index.chunks_exact(ENTRY).rev();
        let entry = entries.find(|entry| be32(entry, 0) == Some(tag))?;
        let [kind, offset, count] = [be32(entry, 4)?, be32(entry, 8)?, be32(entry, 12)?];
        let data = self.data.get(offset as usize..)?;
        is_kind(kind).then_some(Value {
            kind,
            count: count as usize,
            data,
        })
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*four))
}
