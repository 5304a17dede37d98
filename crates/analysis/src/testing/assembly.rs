//! Assemblies of .NET.

/// An assembly whose code has these texts and refers to these names.
pub(crate) fn assembly(texts: &[&str], names: &[&str]) -> Vec<u8> {
    let number = |value: usize| (value as u32).to_le_bytes();
    let mut user = vec![0];
    for text in texts {
        let text: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        match text.len() + 1 {
            len @ 0..0x80 => user.push(len as u8),
            len => user.extend((len as u16 | 0x8000).to_be_bytes()),
        }
        user.extend(text);
        user.push(0);
    }
    let strings = names
        .iter()
        .flat_map(|name| [&[0], name.as_bytes()].concat());
    let strings: Vec<u8> = strings.chain([0]).collect();
    let heads = 20 + 4 + (8 + 12) + (8 + 4);
    let (behind, strings_len, user_len) = (
        number(heads + strings.len()),
        number(strings.len()),
        number(user.len()),
    );
    let streams = [
        &number(heads),
        &strings_len,
        b"#Strings\0\0\0\0".as_slice(),
        &behind,
        &user_len,
        b"#US\0",
    ]
    .concat();
    let start = [
        b"BSJB\x01\0\x01\0\0\0\0\0".as_slice(),
        &number(4),
        b"v4\0\0",
        &[0, 0, 2, 0],
    ]
    .concat();
    let root = [start, streams, strings, user].concat();
    // The section begins at 0x200 of the file and at 0x2000 of the memory; the CLI header is its beginning.
    let cli = [
        number(72).as_slice(),
        &[0; 4],
        &number(0x2000 + 72),
        &number(root.len()),
        &[0; 56],
    ]
    .concat();
    let directories = [
        [0; 14 * 8].as_slice(),
        &number(0x2000),
        &number(72),
        &[0; 8],
    ]
    .concat();
    let optional = [&[0x0b, 1], [0; 94].as_slice(), &directories].concat();
    let len = number(cli.len() + root.len());
    let section = [
        b".text\0\0\0".as_slice(),
        &len,
        &number(0x2000),
        &len,
        &number(0x200),
        &[0; 16],
    ]
    .concat();
    let coff = [
        &[0x4c, 1, 1, 0],
        [0; 12].as_slice(),
        &(optional.len() as u16).to_le_bytes(),
        &[0; 2],
    ]
    .concat();
    let mut out = [
        b"MZ".as_slice(),
        &[0; 0x3a],
        &number(0x40),
        b"PE\0\0",
        &coff,
        &optional,
        &section,
    ]
    .concat();
    out.resize(0x200, 0);
    out.extend(cli);
    out.extend(root);
    out
}
