//! What it is: the files that firmware opens through semihosting: below one folder that the user named, or none at all.
//! Source: Arm, "Semihosting for AArch32 and AArch64" (ABI, 2.0 and later): modes of SYS_OPEN, the special names.
//! Does not model: folders, symbolic links and devices: they are refused; files of more than 64 MiB.
//! Tested by: the tests below, `firmware-images/tests/semihosting.c` under QEMU (`tests/firmware_images.rs`).

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

/// The C library's error numbers, as newlib has them.
pub(super) mod errno {
    pub const NOENT: u32 = 2;
    pub const IO: u32 = 5;
    pub const BADF: u32 = 9;
    pub const ACCES: u32 = 13;
    pub const INVAL: u32 = 22;
    pub const MFILE: u32 = 24;
    pub const FBIG: u32 = 27;
}

const MOST_FILES: usize = 64;
const MOST_BYTES: u64 = 64 << 20;
/// ":semihosting-features": the magic bytes, then SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR.
const FEATURES: [u8; 5] = [b'S', b'H', b'F', b'B', 3];

/// What a handle stands for.
enum Open {
    /// `:tt` opened for reading: nobody types.
    Input,
    /// `:tt` opened for writing or appending.
    Output,
    Features(usize),
    File(File),
}

/// The open files; a handle is a place in `open`, counted from 1.
pub(super) struct Files {
    root: Option<PathBuf>,
    open: Vec<Option<Open>>,
}

type Answer<T> = Result<T, u32>;

fn number(error: &std::io::Error) -> u32 {
    match error.kind() {
        std::io::ErrorKind::NotFound => errno::NOENT,
        std::io::ErrorKind::PermissionDenied => errno::ACCES,
        _ => errno::IO,
    }
}

impl Files {
    /// `root` is the only folder whose files can be opened.
    pub fn new(root: Option<PathBuf>) -> Self {
        Self { root, open: Vec::new() }
    }

    /// The path that a name means: below the folder, through no link.
    fn resolve(&self, name: &str) -> Answer<PathBuf> {
        let mut path = self.root.clone().ok_or(errno::ACCES)?;
        if name.is_empty() {
            return Err(errno::NOENT);
        }
        for component in Path::new(name).components() {
            match component {
                Component::CurDir => {}
                Component::Normal(part) => path.push(part),
                _ => return Err(errno::ACCES),
            }
            if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
                return Err(errno::ACCES);
            }
        }
        match path.symlink_metadata() {
            Ok(metadata) if !metadata.is_file() => Err(errno::ACCES),
            _ => Ok(path),
        }
    }

    /// SYS_OPEN, with a mode as fopen's: r, w, a with b and +.
    pub fn open(&mut self, name: &str, mode: u32) -> Answer<u32> {
        if mode > 11 {
            return Err(errno::INVAL);
        }
        let slot = match self.open.iter().position(Option::is_none) {
            Some(slot) => slot,
            None if self.open.len() < MOST_FILES => {
                self.open.push(None);
                self.open.len() - 1
            }
            None => return Err(errno::MFILE),
        };
        let opened = match name {
            ":tt" if mode < 4 => Open::Input,
            ":tt" => Open::Output,
            ":semihosting-features" if mode < 2 => Open::Features(0),
            ":semihosting-features" => return Err(errno::ACCES),
            _ => {
                let both = mode & 2 != 0;
                let mut options = OpenOptions::new();
                match mode / 4 {
                    0 => options.read(true).write(both),
                    1 => options.read(both).write(true).create(true).truncate(true),
                    _ => options.read(both).append(true).create(true),
                };
                Open::File(options.open(self.resolve(name)?).map_err(|error| number(&error))?)
            }
        };
        if let Some(place) = self.open.get_mut(slot) {
            *place = Some(opened);
        }
        u32::try_from(slot + 1).map_err(|_| errno::MFILE)
    }

    fn find(&mut self, handle: u32) -> Answer<&mut Open> {
        let slot = (handle as usize).checked_sub(1).ok_or(errno::BADF)?;
        self.open.get_mut(slot).and_then(Option::as_mut).ok_or(errno::BADF)
    }

    /// SYS_CLOSE.
    pub fn close(&mut self, handle: u32) -> Answer<()> {
        self.find(handle)?;
        let slot = (handle as usize).checked_sub(1).and_then(|slot| self.open.get_mut(slot));
        slot.and_then(Option::take).map(drop).ok_or(errno::BADF)
    }

    /// SYS_WRITE: `true` if the bytes belong to the console, whose matter they then are.
    pub fn write(&mut self, handle: u32, bytes: &[u8]) -> Answer<bool> {
        match self.find(handle)? {
            Open::Output => Ok(true),
            Open::File(file) => {
                let at = file.stream_position().map_err(|error| number(&error))?;
                if at.saturating_add(bytes.len() as u64) > MOST_BYTES {
                    return Err(errno::FBIG);
                }
                file.write_all(bytes).map(|()| false).map_err(|error| number(&error))
            }
            Open::Input | Open::Features(_) => Err(errno::BADF),
        }
    }

    /// SYS_READ: up to `most` bytes; fewer at the end.
    pub fn read(&mut self, handle: u32, most: usize) -> Answer<Vec<u8>> {
        match self.find(handle)? {
            Open::Input => Ok(Vec::new()),
            Open::Output => Err(errno::BADF),
            Open::Features(at) => {
                let rest: Vec<u8> = FEATURES.iter().skip(*at).take(most).copied().collect();
                *at += rest.len();
                Ok(rest)
            }
            Open::File(file) => {
                let mut bytes = Vec::new();
                file.take(most as u64).read_to_end(&mut bytes).map_err(|error| number(&error))?;
                Ok(bytes)
            }
        }
    }

    /// SYS_ISTTY.
    pub fn is_console(&mut self, handle: u32) -> Answer<bool> {
        Ok(matches!(self.find(handle)?, Open::Input | Open::Output))
    }

    /// SYS_SEEK, from the beginning.
    pub fn seek(&mut self, handle: u32, to: u32) -> Answer<()> {
        match self.find(handle)? {
            Open::File(file) => file.seek(SeekFrom::Start(u64::from(to))).map(drop).map_err(|error| number(&error)),
            Open::Features(at) if to as usize <= FEATURES.len() => {
                *at = to as usize;
                Ok(())
            }
            _ => Err(errno::INVAL),
        }
    }

    /// SYS_FLEN.
    pub fn length(&mut self, handle: u32) -> Answer<u32> {
        match self.find(handle)? {
            Open::File(file) => {
                let length = file.metadata().map_err(|error| number(&error))?.len();
                u32::try_from(length).map_err(|_| errno::FBIG)
            }
            Open::Features(_) => Ok(FEATURES.len() as u32),
            Open::Input | Open::Output => Ok(0),
        }
    }

    /// SYS_REMOVE.
    pub fn remove(&mut self, name: &str) -> Answer<()> {
        std::fs::remove_file(self.resolve(name)?).map_err(|error| number(&error))
    }

    /// SYS_RENAME.
    pub fn rename(&mut self, from: &str, to: &str) -> Answer<()> {
        std::fs::rename(self.resolve(from)?, self.resolve(to)?).map_err(|error| number(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a secret beside it, removed afterwards.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("stm32sim-semihosting-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(folder.join("inside/sub")).unwrap();
            std::fs::write(folder.join("secret"), "secret").unwrap();
            Self(folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn nothing_outside_the_folder_can_be_touched() {
        let scratch = Scratch::new("escape");
        let root = scratch.0.join("inside");
        let mut files = Files::new(Some(root.clone()));
        let absolute = scratch.0.join("secret").display().to_string();
        let mut names = vec!["../secret", "sub/../../secret", "/etc/passwd", &absolute, "sub", ".", "..", ""];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(scratch.0.join("secret"), root.join("link")).unwrap();
            std::os::unix::fs::symlink(&scratch.0, root.join("up")).unwrap();
            names.extend(["link", "up/secret", "up/new"]);
        }
        for name in names {
            for mode in 0..12 {
                assert!(files.open(name, mode).is_err(), "{name} with mode {mode}");
            }
            assert!(files.remove(name).is_err() && files.rename(name, "mine").is_err(), "{name}");
            files.open("own", 4).unwrap();
            assert!(files.rename("own", name).is_err(), "{name}");
        }
        assert_eq!(std::fs::read_to_string(scratch.0.join("secret")).unwrap(), "secret");
        assert!(!scratch.0.join("new").exists());
    }

    #[test]
    fn without_a_folder_there_are_no_files() {
        let mut files = Files::new(None);
        for mode in 0..12 {
            assert_eq!(files.open("a", mode), Err(errno::ACCES));
        }
        assert!(files.open(":tt", 4).is_ok());
    }

    #[test]
    fn handles_are_few_and_come_back() {
        let mut files = Files::new(None);
        let handles: Vec<u32> = (0..MOST_FILES).map(|_| files.open(":tt", 0).unwrap()).collect();
        assert_eq!(files.open(":tt", 0), Err(errno::MFILE));
        files.close(handles[5]).unwrap();
        assert_eq!(files.close(handles[5]), Err(errno::BADF));
        assert_eq!(files.open(":tt", 0), Ok(handles[5]));
        assert_eq!(files.close(0), Err(errno::BADF));
        assert_eq!(files.close(u32::MAX), Err(errno::BADF));
    }
}
