//! What it is: the scripts in `examples/cluster/` on the engines that they are for: a Slurm of one node on loopback, a Dask of two workers.
//! Source: the unsharded report of the same program, to the byte. Debian's slurm-wlm and munge; PyPI's dask and distributed.
//! Does not model: several computers.
//! Tested by: running them; where an engine is not installed, the test is skipped with a reason.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Scratch, stm32sim, tools};

const PROGRAM: &str = env!("CARGO_BIN_EXE_stm32sim");

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cluster").join(name)
}

fn whole() -> String {
    stm32sim(&["eval", "--scenario", "anomaly", "--samples", "20", "--format", "json"]).out
}

#[test]
#[ignore = "long: starts a cluster"]
fn dask_gives_the_report_of_one_machine() {
    let Some(mut python) = tools::python("dask.distributed") else { return };
    let scratch = Scratch::new("dask");
    let output = scratch.0.join("all.json");
    let run = python
        .arg(example("eval_dask.py"))
        .args(["--scenario", "anomaly", "--parts", "4", "--program", PROGRAM, "--output"])
        .arg(&output)
        .args(["--", "--samples", "20"])
        .current_dir(&scratch.0)
        .output()
        .expect("runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(fs::read_to_string(output).expect("written"), whole());
}

/// Daemons that end with the test.
struct Daemons(Vec<Child>);

impl Drop for Daemons {
    fn drop(&mut self) {
        for daemon in self.0.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// A Slurm of one node whose state lies in the folder; a reason where it cannot be had.
fn slurm(folder: &Path) -> Result<Daemons, String> {
    for tool in ["munged", "slurmctld", "slurmd", "sbatch", "sinfo", "mungekey"] {
        let found = ["/usr/sbin", "/usr/bin"].iter().any(|place| Path::new(place).join(tool).exists());
        if !found {
            return Err(format!("{tool} is not installed"));
        }
    }
    let user = Command::new("id").args(["-un"]).output().map_err(|error| error.to_string())?;
    let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
    if user != "root" {
        return Err("slurmd starts jobs for root only".to_owned());
    }
    let host = Command::new("hostname").arg("-s").output().map_err(|error| error.to_string())?;
    let host = String::from_utf8_lossy(&host.stdout).trim().to_owned();
    let at = |name: &str| folder.join(name).display().to_string();
    let socket = at("munge.sock");
    let config = format!(
        "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser={user}\nSlurmdUser={user}\nAuthType=auth/munge\n\
         AuthInfo=socket={socket}\nSlurmctldPort=16817\nSlurmdPort=16818\nStateSaveLocation={state}\nSlurmdSpoolDir={spool}\n\
         SlurmctldPidFile={folder}/slurmctld.pid\nSlurmdPidFile={folder}/slurmd.pid\nProctrackType=proctrack/pgid\n\
         TaskPlugin=task/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nSchedulerType=sched/builtin\n\
         ReturnToService=2\nMpiDefault=none\nNodeName={host} NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN\n\
         PartitionName=all Nodes=ALL Default=YES State=UP\n",
        state = at("state"),
        spool = at("spool"),
        folder = folder.display(),
    );
    fs::create_dir_all(folder.join("state")).map_err(|error| error.to_string())?;
    fs::create_dir_all(folder.join("spool")).map_err(|error| error.to_string())?;
    fs::write(folder.join("slurm.conf"), config).map_err(|error| error.to_string())?;
    let key = Command::new("/usr/sbin/mungekey").args(["--create", "--keyfile", &at("munge.key")]).status();
    if !key.is_ok_and(|status| status.success()) {
        return Err("munge's key cannot be made".to_owned());
    }
    let mut daemons = Daemons(Vec::new());
    let start = |name: &str, args: &[&str]| {
        let log = fs::File::create(folder.join(format!("{name}.log"))).map_err(|error| error.to_string())?;
        let daemon = Command::new(Path::new("/usr/sbin").join(name))
            .args(args)
            .env("SLURM_CONF", folder.join("slurm.conf"))
            .stdout(log.try_clone().map_err(|error| error.to_string())?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn();
        daemon.map_err(|error| format!("{name} cannot be started: {error}"))
    };
    let (key, log, pid, seed) = (at("munge.key"), at("munged.own.log"), at("munged.pid"), at("munged.seed"));
    daemons.0.push(start(
        "munged",
        &[
            "--foreground",
            "--force",
            "--key-file",
            &key,
            "--log-file",
            &log,
            "--pid-file",
            &pid,
            "--seed-file",
            &seed,
            "--socket",
            &socket,
        ],
    )?);
    std::thread::sleep(Duration::from_millis(500));
    daemons.0.push(start("slurmctld", &["-D", "-i"])?);
    std::thread::sleep(Duration::from_secs(1));
    daemons.0.push(start("slurmd", &["-D", "-N", &host])?);
    let begun = Instant::now();
    loop {
        let state = Command::new("sinfo").args(["-h", "-o", "%T"]).env("SLURM_CONF", folder.join("slurm.conf")).output();
        let state = state.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
        if state == "idle" {
            return Ok(daemons);
        }
        if begun.elapsed() > Duration::from_secs(60) {
            let log = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
            return Err(format!("Slurm's node does not come up ('{state}'): {} {}", log("slurmctld.log"), log("slurmd.log")));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
#[ignore = "long: starts a cluster"]
fn a_slurm_job_array_gives_the_report_of_one_machine() {
    let scratch = Scratch::new("slurm");
    let _daemons = match slurm(&scratch.0) {
        Ok(daemons) => daemons,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    fs::create_dir_all(scratch.0.join("parts")).expect("a folder");
    let submitted = Command::new("sbatch")
        .args(["--wait", "--array=1-3"])
        .arg(example("eval.sbatch"))
        .current_dir(&scratch.0)
        .env("SLURM_CONF", scratch.0.join("slurm.conf"))
        .env("STM32SIM", PROGRAM)
        .env("SCENARIO", "anomaly")
        .env("ARGUMENTS", "--samples 20")
        .output()
        .expect("runs");
    let logs: String = fs::read_dir(scratch.0.join("parts"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "log"))
        .map(|entry| fs::read_to_string(entry.path()).unwrap_or_default())
        .collect();
    assert!(submitted.status.success(), "{} {logs}", String::from_utf8_lossy(&submitted.stderr));
    let part = |index: usize| scratch.0.join(format!("parts/part-{index}.json")).display().to_string();
    let merged = stm32sim(&["merge", &part(3), &part(1), &part(2), "--format", "json"]);
    assert_eq!((merged.code, merged.err.as_str()), (0, ""));
    assert_eq!(merged.out, whole());
}
