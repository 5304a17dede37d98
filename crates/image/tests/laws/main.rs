//! What holds for every image: laws over random layers, and each format read back as written.

mod contents;
mod formats;
mod limits;
mod moves;
mod random;
mod store;
mod subsets;
