//! The journal meets a kill, an error or a full disk at every single system call by which it changes anything, one run
//! for each: `strace` counts the calls and puts it in. What it needs is not everywhere, so a test without it says
//! that it proved nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::child::{self, Heard};
use crate::load;

/// Every system call by which a program changes a file or a name. A question mark: not every processor has it.
const WRITE_LIKE: &[&str] = &[
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "fdatasync",
    "fsync",
    "sync_file_range",
    "ftruncate",
    "truncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
    "?open",
    "openat",
    "?creat",
    "?unlink",
    "unlinkat",
    "?rename",
    "?renameat",
    "renameat2",
    "?link",
    "linkat",
    "?mkdir",
    "mkdirat",
    "?rmdir",
    "?chmod",
    "fchmod",
    "fchmodat",
    "?chown",
    "fchown",
    "fchownat",
    "utimensat",
];

/// System calls that leave everything as it is on the disk.
const HARMLESS: &[&str] = &[
    "access",
    "close",
    "execve",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fcntl",
    "flock",
    "fstat",
    "fstatfs",
    "getcwd",
    "getdents64",
    "lseek",
    "lstat",
    "mmap",
    "munmap",
    "newfstatat",
    "poll",
    "pread64",
    "read",
    "readlink",
    "readlinkat",
    "stat",
    "statfs",
    "statx",
];

/// From where a child begins, and how far it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scene {
    /// There is nothing yet, not even the directory: files are made, migrations are carried out.
    New,
    /// There is a journal that was closed in order.
    Closed,
    /// There is a journal whose last owner was killed: what is in the log is read again.
    Killed,
}

pub(crate) const SCENES: [Scene; 3] = [Scene::New, Scene::Closed, Scene::Killed];

/// What happens at the call that is picked.
#[derive(Clone, Copy, Debug)]
enum Blow {
    /// SIGKILL instead of the call. What a kill right after a call leaves behind is what the next one finds.
    Kill,
    /// The call is not made and says that the device is broken.
    Broken,
    /// The call is not made and says that there is no room. At every second point so do the forty after it, so that a
    /// submission is tried again and again.
    Full,
}

/// Where children are run one after the other, each in a copy of the same journal.
pub(crate) struct Stage {
    scene: Scene,
    folder: tempfile::TempDir,
    part: (u64, u64),
    /// The files whose calls count, beside the directory.
    files: &'static [&'static str],
}

/// Every file that a journal may have.
const FILES: &[&str] =
    &["journal.lock", "journal.db", "journal.db-journal", "journal.db-wal", "journal.db-shm"];
/// Those that are written while it works.
const DATA: &[&str] = &["journal.db", "journal.db-wal"];

#[test]
fn a_kill_at_any_call_loses_nothing_and_repeats_nothing() {
    if !strace_is_here("a kill at any system call") {
        return;
    }
    let mut table = Vec::new();
    for scene in SCENES {
        let stage = Stage::new(scene);
        stage.check_calls_are_known();
        for call in WRITE_LIKE {
            let points = stage.at_every(call, Blow::Kill, |dir, heard, _| {
                assert_eq!((&heard.failed, &heard.unopened), (&None, &None));
                load::check_kept(dir, heard.acknowledged);
            });
            if points > 0 {
                table.push(format!("{scene:?} {call} {points}"));
            }
        }
    }
    println!("killed at (journal, call, how many points): {}", table.join("; "));
    assert!(table.iter().any(|line| line.starts_with("Closed pwrite64")), "{table:?}");
}

#[test]
fn after_a_write_or_a_sync_that_failed_nothing_is_acknowledged() {
    if !strace_is_here("an error of any write or sync") {
        return;
    }
    let mut table = Vec::new();
    for scene in SCENES {
        let stage = Stage::new(scene);
        for call in ["pwrite64", "fdatasync", "fsync"] {
            let points = stage.at_every(call, Blow::Broken, |dir, heard, calls| {
                assert!(heard.status.success() && !heard.after_failure, "{heard:?}");
                match (&heard.failed, &heard.unopened) {
                    (Some(failed), None) => {
                        assert!(failed.contains("the disk did not take"), "{failed}")
                    }
                    (None, Some(_)) => {}
                    // SQLite does not mind when the name of its log cannot be kept, so we have kept it before.
                    _ => check_name_was_kept(dir, heard, calls),
                }
                load::check_kept(dir, heard.acknowledged);
            });
            table.push(format!("{scene:?} {call} {points}"));
        }
    }
    println!("failed at (journal, call, how many points): {}", table.join("; "));
}

#[test]
fn a_disk_that_is_full_at_any_write_refuses_and_goes_on_once_it_has_room() {
    if !strace_is_here("a disk that is full at any write") {
        return;
    }
    let stage = Stage::new(Scene::Closed).only_data();
    let refused = AtomicU32::new(0);
    let points = stage.at_every("pwrite64", Blow::Full, |dir, heard, _| {
        // While the log is moved nobody waits; so not every time is anybody refused.
        refused.fetch_add(heard.refused, Ordering::Relaxed);
        assert!(heard.done && heard.status.success(), "{heard:?}");
        assert_eq!(heard.acknowledged, stage.part.1, "{heard:?}");
        assert_eq!(load::check_kept(dir, heard.acknowledged), heard.acknowledged);
    });
    let refused = refused.into_inner();
    println!("full at {points} points, {refused} submissions refused and taken later");
    assert!(refused > 100, "only {refused} were refused");
}

impl Stage {
    pub(crate) fn new(scene: Scene) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model");
        let part = match scene {
            Scene::New => (1, 2),
            Scene::Closed => {
                load::prepare(&model, 4);
                (5, 9)
            }
            Scene::Killed => {
                let mut strace = strace("pwrite64", &model, FILES);
                // Late enough that the log holds several transactions and a part of one more.
                strace.args(["-e", "inject=pwrite64:signal=KILL:when=180"]);
                let heard = child::run(&model, (1, 100), Some(strace));
                assert!(heard.killed && heard.acknowledged > 2, "{heard:?}");
                (heard.acknowledged + 1, heard.acknowledged + 2)
            }
        };
        Self { scene, folder, part, files: FILES }
    }

    /// The first and the last submission of a run.
    pub(crate) fn part(&self) -> (u64, u64) {
        self.part
    }

    /// Only calls on the data count from now on.
    fn only_data(mut self) -> Self {
        self.files = DATA;
        self
    }

    /// Deals the blow at the first such call of a run, the second, and so on until a run has no such call left; each
    /// time `check` looks at what is left. Says how many calls there were.
    fn at_every(&self, call: &str, blow: Blow, check: impl Fn(&Path, &Heard, &str) + Sync) -> u32 {
        let (next, end) = (AtomicU32::new(1), AtomicU32::new(u32::MAX));
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n > end.load(Ordering::Relaxed) {
                            break;
                        }
                        let (dir, log) = self.copy(&format!("{}-{n}", call.trim_matches('?')));
                        let mut strace = strace(call, &dir, self.files);
                        if !matches!(blow, Blow::Kill) {
                            // Quicker, but no signal gets through.
                            strace.arg("--seccomp-bpf");
                        }
                        let when = match blow {
                            Blow::Kill => format!("signal=KILL:when={n}"),
                            Blow::Broken => format!("error=EIO:when={n}"),
                            Blow::Full => format!("error=ENOSPC:when={n}..{}", n + n % 2 * 40),
                        };
                        strace.arg("-e").arg(format!("inject={call}:{when}")).arg("-o").arg(&log);
                        let heard = child::run(&dir, self.part, Some(strace));
                        let said = std::fs::read_to_string(&log).unwrap_or_default();
                        let hit = match blow {
                            Blow::Kill => heard.killed,
                            Blow::Broken | Blow::Full => said.contains("(INJECTED)"),
                        };
                        if !hit {
                            assert!(heard.done, "{:?} {call} {n}: {heard:?}\n{said}", self.scene);
                            std::fs::remove_dir_all(dir.parent().unwrap()).unwrap();
                            end.fetch_min(n - 1, Ordering::Relaxed);
                            break;
                        }
                        println!(
                            "{:?} {call} {n}: acknowledged {}",
                            self.scene, heard.acknowledged
                        );
                        check(&dir, &heard, &said);
                        std::fs::remove_dir_all(dir.parent().unwrap()).unwrap();
                    }
                });
            }
        });
        end.into_inner()
    }

    /// A system call that nobody has thought about would not be tried.
    fn check_calls_are_known(&self) {
        let (dir, log) = self.copy("calls");
        let mut strace = strace("all", &dir, self.files);
        strace.arg("-o").arg(&log);
        assert!(child::run(&dir, self.part, Some(strace)).done);
        let said = std::fs::read_to_string(&log).unwrap();
        let calls: BTreeSet<&str> = said
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1)?.split('(').next())
            .collect();
        let known = |call: &&str| {
            let write = WRITE_LIKE.iter().any(|known| known.trim_start_matches('?') == *call);
            write || HARMLESS.contains(call) || call.starts_with(['<', '+', '.'])
        };
        let unknown: Vec<_> = calls.iter().filter(|call| !known(call)).collect();
        assert!(
            unknown.is_empty(),
            "put these among the calls that write or that do not: {unknown:?}"
        );
        assert!(calls.contains("pwrite64"), "{calls:?}");
    }

    /// A copy of the journal to begin with, in a folder of its own, and a place for the log of calls.
    pub(crate) fn copy(&self, name: &str) -> (PathBuf, PathBuf) {
        let folder = self.folder.path().join(name);
        let (dir, log) = (folder.join("journal"), folder.join("calls"));
        std::fs::create_dir(&folder).unwrap();
        if !matches!(self.scene, Scene::New) {
            std::fs::create_dir(&dir).unwrap();
            for entry in std::fs::read_dir(self.folder.path().join("model")).unwrap() {
                let entry = entry.unwrap();
                std::fs::copy(entry.path(), dir.join(entry.file_name())).unwrap();
            }
        }
        (dir, log)
    }
}

/// The call that failed was about the directory, and the directory had been synced before with the log in it.
#[track_caller]
fn check_name_was_kept(dir: &Path, heard: &Heard, calls: &str) {
    let of_directory = format!("<{}>)", dir.display());
    let synced: Vec<_> = calls.lines().filter(|line| line.contains(&of_directory)).collect();
    let failed = synced.iter().position(|line| line.contains("(INJECTED)"));
    assert!(failed.is_some_and(|failed| failed > 0), "nobody was told: {heard:?}\n{calls}");
}

/// What traces these calls, as far as they are about these files in `dir` or `dir` itself.
fn strace(calls: &str, dir: &Path, files: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-e", &format!("trace={calls}"), "-P"]).arg(dir);
    for file in files {
        strace.arg("-P").arg(dir.join(file));
    }
    strace
}

/// Without strace a test proves nothing, and says so.
pub(crate) fn strace_is_here(what: &str) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=none", "true"]);
    let found = strace.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let here = found.is_ok_and(|status| status.success());
    if !here {
        println!("SKIPPED: {what}: strace is not installed or may not trace; nothing was proven");
    }
    here
}
