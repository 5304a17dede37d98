//! A layer of arbitrary bytes: reading its entries, merging it with itself as the layer above,
//! reading all content, and leaving out what nobody sees. Then the same with the checksums of its
//! headers put right, which a changed byte would otherwise spoil.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_fuzz::{layer, read_data, read_tree};
use ounce_image::{Edit, Error, Tree, rewrite};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&with_checksums(bytes));
});

fn check(bytes: &[u8]) {
    let Some(layer) = layer(bytes) else {
        return;
    };
    for entry in &layer.entries {
        read_data(&entry.read(&layer.tar));
    }
    let layers = [layer.clone(), layer];
    for layers in [&layers[..1], &layers[..]] {
        let Ok(tree) = Tree::build(layers) else {
            continue;
        };
        read_tree(&tree);
        let hidden = tree.hidden().into_iter().map(|(entry, _)| entry);
        let drop = hidden.filter(|entry| !tree.is_disputed(*entry)).collect();
        if let Err(error @ Error::Unfaithful { .. }) = rewrite(
            &tree,
            &Edit {
                drop,
                ..Edit::default()
            },
        ) {
            panic!("leaving out hidden entries: {error}");
        }
    }
}

/// The bytes with the right checksum in every block that is marked as a header (POSIX ustar: the
/// sum of its bytes, those of the checksum taken as spaces).
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for header in out.chunks_exact_mut(512) {
        if &header[257..262] == b"ustar" {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
    }
    out
}
