//! Programs that are packed.

/// A program that this packer made; any other name stands for one that is not packed.
pub(crate) fn program(packer: &str) -> Vec<u8> {
    let mut out = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 57]].concat();
    // `e_phentsize` and `e_phnum`.
    out[54] = 56;
    out[56] = 2;
    out.extend([0; 2 * 56]);
    match packer {
        "UPX" => out.extend(b"\0\0\0\0UPX!\0\0\0\0"),
        "AppImage" => out[8..11].copy_from_slice(b"AI\x02"),
        "Nuitka" => out.extend(b"\0NUITKA_ONEFILE_TIME_US\0"),
        _ => {}
    }
    out
}
