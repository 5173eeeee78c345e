//! The power goes at any moment: what was not synced is lost, or half of it, or the later half, and so are names of
//! files. One run is recorded call by call; then, for every moment of it, a disk is made as a power loss could have left
//! it, and opened.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::child;
use crate::injected::{SCENES, Stage, strace_is_here};
use crate::load;

/// What is lost, is lost by the sector.
const SECTOR: usize = 512;
/// How many disks are made for each moment, beside the one on which everything that was not synced is lost.
const DISKS: u64 = 2;

/// What a run did to the disk, in order, and what it said in between.
#[derive(Debug)]
enum Deed {
    Make(String),
    Remove(String),
    Write {
        file: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Cut {
        file: String,
        length: usize,
    },
    Sync(String),
    SyncNames,
    /// It has acknowledged this submission.
    Say(u64),
}

/// A disk, and everything that it was given and need not have kept yet.
#[derive(Clone, Default)]
struct Disk {
    /// The names that are certain, and which file each stands for.
    names: BTreeMap<String, usize>,
    /// Names that were made and removed since, in order.
    names_waiting: Vec<(String, Option<usize>)>,
    files: Vec<Content>,
}

#[derive(Clone, Default)]
struct Content {
    certain: Vec<u8>,
    waiting: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

#[test]
fn a_power_loss_at_any_moment_loses_nothing_that_was_acknowledged() {
    if !strace_is_here("a power loss at any moment") {
        return;
    }
    for scene in SCENES {
        let stage = Stage::new(scene);
        let (dir, log) = stage.copy("recorded");
        let mut disk = Disk::of(&dir);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-y", "-qq", "-xx", "-s", "1000000", "-e"]);
        strace.arg("trace=?open,openat,write,pwrite64,ftruncate,fsync,fdatasync,?unlink,unlinkat");
        strace.arg("-o").arg(&log);
        let heard = child::run(&dir, stage.part(), Some(strace));
        assert!(heard.done, "{heard:?}");
        let deeds = read(&std::fs::read_to_string(&log).unwrap(), &dir);
        let syncs = deeds.iter().filter(|deed| matches!(deed, Deed::Sync(_))).count();
        assert!(syncs >= 3 && deeds.iter().any(|deed| matches!(deed, Deed::Say(_))), "{deeds:?}");

        let mut moments = Vec::new();
        let mut acknowledged = stage.part().0 - 1;
        for (number, deed) in deeds.iter().enumerate() {
            // What is certain changes with a sync only, so only then is it worth while to lose all the rest.
            let first = u64::from(!matches!(deed, Deed::Sync(_) | Deed::SyncNames | Deed::Say(_)));
            match deed {
                Deed::Say(n) => acknowledged = *n,
                deed => disk.suffer(deed),
            }
            moments.push((number, acknowledged, first, disk.clone()));
        }
        let next = AtomicUsize::new(0);
        let made = AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    while let Some((number, acknowledged, first, disk)) =
                        moments.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        for seed in *first..=DISKS {
                            let (left, _) = stage.copy(&format!("left-{number}-{seed}"));
                            println!("{scene:?} after {number} seed {seed}: {acknowledged}");
                            disk.leave(&left, (*number as u64 + 1) * seed);
                            load::check_kept(&left, *acknowledged);
                            std::fs::remove_dir_all(left.parent().unwrap()).unwrap();
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let made = made.into_inner();
        println!(
            "power lost ({scene:?}): {} moments, {syncs} syncs, {made} disks opened",
            deeds.len()
        );
    }
}

impl Disk {
    /// A disk that certainly holds what is there.
    fn of(dir: &Path) -> Self {
        let mut disk = Self::default();
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            disk.names.insert(name, disk.files.len());
            let certain = std::fs::read(entry.path()).unwrap();
            disk.files.push(Content { certain, waiting: Vec::new() });
        }
        disk
    }

    fn suffer(&mut self, deed: &Deed) {
        match deed {
            Deed::Make(name) => {
                if self.file(name).is_none() {
                    self.names_waiting.push((name.clone(), Some(self.files.len())));
                    self.files.push(Content::default());
                }
            }
            Deed::Remove(name) => self.names_waiting.push((name.clone(), None)),
            Deed::Write { file, at, bytes } => {
                self.change(file, Change::Write { at: *at, bytes: bytes.clone() });
            }
            Deed::Cut { file, length } => self.change(file, Change::Cut(*length)),
            Deed::Sync(name) => {
                if let Some(file) = self.file(name) {
                    let Content { certain, waiting } = &mut self.files[file];
                    waiting.drain(..).for_each(|change| change.apply(certain));
                }
            }
            Deed::SyncNames => {
                for (name, file) in std::mem::take(&mut self.names_waiting) {
                    set(&mut self.names, name, file);
                }
            }
            Deed::Say(_) => {}
        }
    }

    fn change(&mut self, name: &str, change: Change) {
        let file = self.file(name).unwrap_or_else(|| panic!("{name} was never made"));
        self.files[file].waiting.push(change);
    }

    /// The file that has this name now.
    fn file(&self, name: &str) -> Option<usize> {
        let waiting = self.names_waiting.iter().rev().find(|(known, _)| known == name);
        waiting.map_or_else(|| self.names.get(name).copied(), |(_, file)| *file)
    }

    /// Writes what a power loss leaves: of what is not certain nothing for seed 0, else some sectors of some writes.
    fn leave(&self, dir: &Path, seed: u64) {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut names = self.names.clone();
        for (name, file) in &self.names_waiting {
            if chance.yes() {
                set(&mut names, name.clone(), *file);
            }
        }
        std::fs::create_dir_all(dir).unwrap();
        for entry in std::fs::read_dir(dir).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, file) in names {
            let Content { certain, waiting } = &self.files[file];
            let mut left = certain.clone();
            for change in waiting {
                change.apply_partly(&mut left, &mut chance);
            }
            if name.ends_with("-shm") {
                // It is shared memory: after a power loss it may hold anything, and nobody may believe it.
                left = (0..32_768).map(|_| chance.next() as u8).collect();
            }
            std::fs::write(dir.join(name), left).unwrap();
        }
    }
}

impl Change {
    fn apply(self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => put(content, at, &bytes),
            Self::Cut(length) => content.resize(length, 0),
        }
    }

    fn apply_partly(&self, content: &mut Vec<u8>, chance: &mut Chance) {
        if !chance.yes() {
            return;
        }
        match self {
            Self::Cut(length) => content.resize(*length, 0),
            Self::Write { at, bytes } => {
                let whole = chance.yes();
                let mut from = 0;
                while from < bytes.len() {
                    let to = (from + SECTOR - (at + from) % SECTOR).min(bytes.len());
                    if whole || chance.yes() {
                        put(content, at + from, &bytes[from..to]);
                    }
                    from = to;
                }
            }
        }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

fn set(names: &mut BTreeMap<String, usize>, name: String, file: Option<usize>) {
    match file {
        Some(file) => names.insert(name, file),
        None => names.remove(&name),
    };
}

/// Reads what strace wrote: `PID call(FD<path>, "\x..", …) = result`, paths and data in hexadecimal, cut in two where threads interrupt
/// each other.
fn read(log: &str, dir: &Path) -> Vec<Deed> {
    let here = dir.to_str().unwrap();
    let mut begun = HashMap::<&str, String>::new();
    let mut deeds = Vec::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let whole = match rest.strip_suffix("<unfinished ...>") {
            Some(first) => {
                // Data may be on its way to the disk from now on.
                if first.starts_with("pwrite64") || first.starts_with("write") {
                    deeds.extend(deed(&format!("{first}) = 1"), here));
                } else {
                    begun.insert(thread, first.to_owned());
                }
                continue;
            }
            None => match rest.strip_prefix("<... ").and_then(|rest| rest.split_once("resumed>")) {
                Some((_, last)) => match begun.remove(thread) {
                    Some(first) => first + last,
                    None => continue,
                },
                None => rest.to_owned(),
            },
        };
        deeds.extend(deed(&whole, here));
    }
    deeds
}

/// What one call does to the directory `here`, if anything.
fn deed(call: &str, here: &str) -> Option<Deed> {
    let (name, rest) = call.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ")?;
    if result.starts_with('-') || result.starts_with('?') {
        return None;
    }
    let within = |path: &str| {
        let file = path.strip_prefix(here)?.strip_prefix('/')?;
        (!file.ends_with(".lock")).then(|| file.to_owned())
    };
    let handle = || {
        let (_, rest) = arguments.split_once('<')?;
        String::from_utf8(unhexed(rest.split_once('>')?.0)?).ok()
    };
    let last = || arguments.rsplit_once(", ")?.1.trim().parse::<usize>().ok();
    match name {
        "open" | "openat" => {
            let file = within(&String::from_utf8(quoted(arguments)?).ok()?)?;
            arguments.contains("O_CREAT").then_some(Deed::Make(file))
        }
        "unlink" | "unlinkat" => {
            Some(Deed::Remove(within(&String::from_utf8(quoted(arguments)?).ok()?)?))
        }
        "pwrite64" => {
            Some(Deed::Write { file: within(&handle()?)?, at: last()?, bytes: quoted(arguments)? })
        }
        "ftruncate" => Some(Deed::Cut { file: within(&handle()?)?, length: last()? }),
        "fsync" | "fdatasync" if handle()? == here => Some(Deed::SyncNames),
        "fsync" | "fdatasync" => Some(Deed::Sync(within(&handle()?)?)),
        "write" if arguments.starts_with("1<") => {
            let said = String::from_utf8(quoted(arguments)?).ok()?;
            let n = said.trim().strip_prefix("acknowledged ")?.split(' ').next()?;
            Some(Deed::Say(n.parse().ok()?))
        }
        _ => None,
    }
}

/// The bytes of `"\x00\xff"`.
fn quoted(arguments: &str) -> Option<Vec<u8>> {
    let (_, rest) = arguments.split_once('"')?;
    let (hex, rest) = rest.split_once('"')?;
    assert!(!rest.starts_with("..."), "strace has cut the data off");
    unhexed(hex)
}

fn unhexed(hex: &str) -> Option<Vec<u8>> {
    hex.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).ok()).collect()
}

/// Numbers that look random, and are the same for the same seed. With seed 0, never yes.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn yes(&mut self) -> bool {
        (self.next() >> 33) & 1 == 1
    }
}
