//! The oldest glibc with which an executable runs, from the versions that its dynamic symbols ask for.

/// The highest `GLIBC_x.y` that the bytes of an executable name; `None` when it needs none (a static one).
///
/// The names of versions stand as plain text in the section of dynamic strings. Text elsewhere in the program could name
/// one too, which would only make the answer too careful.
pub fn glibc(program: &[u8]) -> Option<(u32, u32)> {
    const NAME: &[u8] = b"GLIBC_";
    let starts = program.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    let versions = starts.filter_map(|(at, _)| {
        let rest = &program[at + NAME.len()..];
        let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        let text = std::str::from_utf8(&rest[..end]).ok()?;
        let mut numbers = text.split('.').map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::glibc;

    #[test]
    fn the_newest_version_counts_by_number_and_not_by_letters() {
        assert_eq!(glibc(b"\0GLIBC_2.2.5\0x\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0"), Some((2, 34)));
        assert_eq!(glibc(b"static"), None);
    }

    #[test]
    fn this_program_needs_a_version_that_this_machine_has() {
        if cfg!(all(target_os = "linux", target_env = "gnu")) {
            let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
            assert!(glibc(&own).is_some_and(|version| version >= (2, 2)));
        }
    }
}
