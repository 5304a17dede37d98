//! A folder that lies apart from others on the disk.
//!
//! ext4 puts what is made in a folder near the folder, and for some minutes takes no inode again that was freed
//! (`recently_deleted` in fs/ext4/ialloc.c): it looks at each of them once for every file that is made. Where a
//! root was removed a moment ago that was three quarters of the time of unpacking the next. Folders below one
//! with the attribute `T` are spread over the disk by their names (chattr(1)).

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

/// Makes an empty folder anew, somewhere else on the disk; where the file system has no such wish, nothing changes.
///
/// # Errors
/// The folder above cannot be written, or has no such attribute.
pub(super) fn move_apart(folder: &Path) -> io::Result<()> {
    let above = folder.parent().ok_or(io::ErrorKind::NotFound)?;
    let handle = File::open(above)?;
    ioctl_setflags(&handle, ioctl_getflags(&handle)? | IFlags::TOPDIR)?;
    // Its place depends on the name under which it is made, and keeps to it.
    let new = tempfile::tempdir_in(above)?;
    fs::rename(new.path(), folder)?;
    // Nothing is left to be removed.
    let _ = new.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_there_and_nothing_else() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("root");
        fs::create_dir(&folder).unwrap();
        // Not every file system has the attribute.
        let _ = move_apart(&folder);
        let names = fs::read_dir(above.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["root"]);
    }
}
