//! `Packages` of Berkeley DB (rpm before 4.16): a hash table of package numbers and headers.
//!
//! Every page begins with 26 bytes: at 16 the next page of a chain, at 20 the number of items, at 22
//! the length of content on an overflow page, at 25 the type. On pages of the table the places of
//! the items follow, which fill the page from its end; keys and values take turns. An item is its
//! type and content, or the page and length of an overflow chain. The table's order is of no
//! interest here, so pages are read in the file's. (Berkeley DB 5.3, `dbinc/db_page.h`.)

use super::Each;
use crate::packages::pages::Pages;

/// What numbers mean on the first page.
const MAGIC: u32 = 0x0006_1561;
/// The length of a page's own head.
const HEAD: usize = 26;

/// Gives each package's header, or why one cannot be read.
pub(super) fn headers(file: &[u8], each: &mut Each<'_>) {
    let (size, order) = match meta(file) {
        Ok(meta) => meta,
        Err(reason) => return each(Err(reason)),
    };
    let mut overflow = Overflow {
        pages: Pages::new(file, size),
        order,
    };
    for page in file.chunks_exact(size).skip(1) {
        // Pages of a hash table, unsorted and sorted.
        if matches!(page[25], 2 | 13) {
            for value in values(page, order) {
                match overflow.content(value) {
                    Ok(content) => each(Ok(&content)),
                    Err(reason) => each(Err(reason)),
                }
            }
        }
    }
}

/// The size of the pages and the order of bytes, that of the machine that wrote the file.
fn meta(file: &[u8]) -> Result<(usize, Order), String> {
    let order = [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32(file, 12) == Some(MAGIC))
        .ok_or("not a hash table of Berkeley DB")?;
    let size = order.u32(file, 20).unwrap_or_default() as usize;
    // The sizes that Berkeley DB allows ("Selecting a page size").
    if !size.is_power_of_two() || !(512..=65536).contains(&size) {
        return Err(format!("pages of {size} bytes are impossible"));
    }
    Ok((size, order))
}

/// The items of a page that are values of packages.
fn values(page: &[u8], order: Order) -> Vec<&[u8]> {
    let count = order.u16(page, 20).unwrap_or_default();
    let mut end = page.len();
    // Each item ends where the one before begins.
    let items: Vec<_> = (0..usize::from(count))
        .map_while(|index| {
            let start = usize::from(order.u16(page, HEAD + 2 * index)?);
            let item = page.get(start..end)?;
            end = start;
            Some(item)
        })
        .collect();
    // Under the number 0 stands the highest number, not a package.
    let pairs = items.chunks_exact(2);
    pairs
        .filter(|pair| pair[0] != [1, 0, 0, 0, 0])
        .map(|pair| pair[1])
        .collect()
}

struct Overflow<'a> {
    pages: Pages<'a>,
    order: Order,
}

impl Overflow<'_> {
    /// The content of an item: on the page itself, or on a chain of others.
    fn content(&mut self, item: &[u8]) -> Result<Vec<u8>, String> {
        match item {
            [1, content @ ..] => Ok(content.to_vec()),
            [3, place @ ..] => {
                let [page, len] = [3, 7].map(|at| self.order.u32(place, at).unwrap_or_default());
                self.chain(page, len as usize)
            }
            _ => Err("an item of an unknown type".to_owned()),
        }
    }

    fn chain(&mut self, first: u32, len: usize) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut number = first;
        while out.len() < len {
            let page = self.pages.take(number)?;
            let here = self.order.u16(page, 22).map(usize::from);
            let content = here.and_then(|here| page.get(HEAD..HEAD + here));
            match content {
                Some(content) if page[25] == 7 && !content.is_empty() => out.extend(content),
                _ => return Err(format!("page {number} is not part of a chain")),
            }
            number = self.order.u32(page, 16).unwrap_or_default();
        }
        Ok(out)
    }
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(four),
            Self::Big => u32::from_be_bytes(four),
        })
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(two),
            Self::Big => u16::from_be_bytes(two),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of one pair in pages of 512 bytes, written on a machine of that order of bytes.
    fn table(u32: fn(u32) -> [u8; 4], u16: fn(u16) -> [u8; 2], value: &[u8]) -> Vec<u8> {
        let mut meta = vec![0; 512];
        meta[12..16].copy_from_slice(&u32(MAGIC));
        meta[20..24].copy_from_slice(&u32(512));
        let key = [1, 1, 0, 0, 0];
        let places = [512 - key.len(), 512 - key.len() - value.len()].map(|at| u16(at as u16));
        let mut page = vec![0; 512 - key.len() - value.len()];
        page[20..22].copy_from_slice(&u16(2));
        page[25] = 13;
        page[26..30].copy_from_slice(places.as_flattened());
        [meta, page, value.to_vec(), key.to_vec()].concat()
    }

    fn found(file: &[u8]) -> Vec<Result<Vec<u8>, String>> {
        let mut out = Vec::new();
        headers(file, &mut |header| out.push(header.map(<[u8]>::to_vec)));
        out
    }

    #[test]
    fn both_orders_of_bytes_are_read() {
        let [little, big] = [
            table(u32::to_le_bytes, u16::to_le_bytes, b"\x01header"),
            table(u32::to_be_bytes, u16::to_be_bytes, b"\x01header"),
        ];
        assert_eq!(found(&little), [Ok(b"header".to_vec())]);
        assert_eq!(found(&big), found(&little));
    }

    #[test]
    fn a_chain_that_leads_back_is_told() {
        // An item of 2000 bytes on page 2, whose next page is itself.
        let item = [
            &[3, 0, 0, 0][..],
            &2_u32.to_le_bytes(),
            &2000_u32.to_le_bytes(),
        ]
        .concat();
        let mut file = table(u32::to_le_bytes, u16::to_le_bytes, &item);
        let mut page = vec![7; 512];
        page[16..20].copy_from_slice(&2_u32.to_le_bytes());
        page[22..24].copy_from_slice(&400_u16.to_le_bytes());
        file.extend(page);
        assert_eq!(found(&file), [Err("page 2 is used twice".to_owned())]);
    }
}
