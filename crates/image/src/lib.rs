//! What a container image *is*: formats, layers, the merged tree and deterministic rewriting.
//!
//! This crate knows nothing of slimming. It reads an image without a daemon and without loading
//! its content into memory, shows the merged [`Tree`], leaves entries out when told so by an
//! [`Edit`], and writes the result. It never prints and never looks at the environment.

mod blob;
mod codec;
mod compare;
mod compression;
mod config;
mod digest;
mod error;
pub mod format;
mod graft;
mod image;
mod layer;
mod leftover;
mod path;
mod progress;
mod rewrite;
mod store;
mod tar;
mod tree;

pub use blob::{Blob, BlobReader, CHUNK, Piece};
pub use codec::{Codec, Limits, Streamed};
pub use compare::{Aspect, Change, NamePair, compare};
pub use compression::CompressionMap;
pub use config::{Config, Platform, Step};
pub use digest::{Digest, DigestError, Hasher};
pub use error::{Error, Result};
pub use graft::graft;
pub use image::Image;
pub use layer::{Layer, StoredLayer};
pub use leftover::{leftover, lost_folders};
pub use path::{ImagePath, MAX_PATH, PathError, display};
pub use progress::{Cancelled, Progress};
pub use rewrite::{Edit, Fate, layers, rewrite};
pub use store::{Store, Stored};
pub use tar::{Entry, EntryKind, Mtime, Xattr, read_entries};
pub use tree::{Asked, EntryId, Leaf, LeafId, Node, NodeId, NodeKind, Tree};
