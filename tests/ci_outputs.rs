//! What it is: what build servers read: JUnit XML, SARIF, GitHub annotations and step summaries, Markdown, GitLab code quality, badges.
//! Source: the schemas of SARIF (OASIS) and of JUnit reports (Jenkins' xUnit plug-in); readers of other makes: PyPI's `junitparser`,
//! `sarif-pydantic`, `markdown-it-py`, Python's own XML parser, GitHub's `@actions/core`; GitLab's documentation for the fields of its own
//! format. What is not installed is skipped with a reason (`.ci/tools`).
//! Does not model: the servers.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::tools::{self, printed};
use support::{Scratch, stm32sim};

/// A suite with a run that is fine, one that breaks a limit, one that faults; and against a baseline in which the first was faster.
struct Made {
    scratch: Scratch,
}

impl Made {
    fn new(name: &str) -> Made {
        let scratch = Scratch::new(name);
        let fault = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images/tests/fault_undef.elf");
        let suite = format!(
            "samples = 1\n[[run]]\nscenario = \"anomaly\"\n[[run]]\nname = \"odd <&\\\"'|*%> name\"\nscenario = \"image\"\nlimits = [\"cycles \
             <= 1k\"]\n[[run]]\nfirmware = {}\n[[run]]\nscenario = \"anomaly-float\"\n",
            Value::from(fault.to_str().expect("a path"))
        );
        scratch.file("stm32sim.toml", suite.as_bytes());
        let baseline = scratch.0.join("baseline.json");
        let save = stm32sim(&[
            "bench",
            "--scenario",
            "anomaly",
            "--samples",
            "1",
            "--save-baseline",
            baseline.to_str().expect("a path"),
        ]);
        assert_eq!(save.code, 0, "{}", save.err);
        let text = fs::read_to_string(&baseline).expect("written");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        let cycles = value["runs"][0]["inference"]["cycles"].as_u64().expect("cycles");
        let faster = text.replace(&format!("        \"cycles\": {cycles},"), &format!("        \"cycles\": {},", cycles - 1));
        fs::write(&baseline, faster).expect("written");
        Made { scratch }
    }

    fn path(&self, name: &str) -> String {
        self.scratch.0.join(name).display().to_string()
    }

    /// What `--emit KIND=…` writes.
    fn emit(&self, kind: &str) -> String {
        let (suite, baseline, file) = (self.path("stm32sim.toml"), self.path("baseline.json"), self.path(kind));
        let run = stm32sim(&["check", "--suite", &suite, "--baseline", &baseline, "--emit", &format!("{kind}={file}")]);
        assert_eq!((run.code, run.err.as_str()), (5, ""), "{}", run.out);
        fs::read_to_string(&file).expect("written")
    }

    /// What a Python program prints that reads the file; `None` where it lacks the module.
    fn python(&self, module: &str, program: &str) -> Option<String> {
        tools::python(module).map(|mut python| printed(python.args(["-c", program]).current_dir(&self.scratch.0)))
    }
}

#[test]
fn junit_counts_what_failed_and_what_broke() {
    let made = Made::new("ci-junit");
    let text = made.emit("junit");
    assert!(text.contains("<error type=\"firmware-fault\""), "{text}");
    let program = "import junitparser\nx = junitparser.JUnitXml.fromfile('junit')\n\
                   print(x.tests, x.failures, x.errors)\n\
                   for suite in x:\n  for case in suite:\n    print(case.name, [type(r).__name__ for r in case.result])";
    if let Some(read) = made.python("junitparser", program) {
        assert_eq!(
            read.lines().collect::<Vec<_>>(),
            [
                "4 2 1",
                "anomaly@stm32f103c8 ['Failure']",
                "odd <&\"'|*%> name@stm32f103c8 ['Failure']",
                "fault_undef.elf@stm32f103c8 ['Error']",
                "anomaly-float@stm32f103c8 []",
            ]
        );
    }
    let program = "import xml.etree.ElementTree as e\nr = e.parse('junit').getroot()\n\
                   print(r.tag, len(r.findall('testsuite/testcase')), r.find('testsuite/testcase/failure').get('type'))\n\
                   print(sorted(p.get('name') for p in r.find('testsuite/properties'))[:3])";
    if let Some(read) = made.python("xml.etree.ElementTree", program) {
        assert_eq!(read, "testsuites 4 regression\n['accuracy', 'agreement', 'arena']\n");
    }
}

#[test]
fn sarif_is_valid_and_names_its_rules() {
    let made = Made::new("ci-sarif");
    let report: Value = serde_json::from_str(&made.emit("sarif")).expect("JSON");
    // The fault has its line of source (the undefined instruction of fault_undef.c), what concerns a whole program its file.
    let places = |rule: &str| -> Vec<(String, u64)> {
        let results = report["runs"][0]["results"].as_array().expect("results");
        let place = |result: &Value| {
            let place = &result["locations"][0]["physicalLocation"];
            let file = place["artifactLocation"]["uri"].as_str().expect("a file").to_owned();
            (file, place["region"]["startLine"].as_u64().expect("a line"))
        };
        results.iter().filter(|result| result["ruleId"] == rule).map(place).collect()
    };
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images/tests/fault_undef.c"));
    let line = source.expect("committed").lines().position(|line| line.contains("udf")).expect("an undefined instruction") + 1;
    assert_eq!(places("firmware-fault"), [("tests/fault_undef.c".to_owned(), line as u64)]);
    assert_eq!(places("limit-exceeded"), [("image.elf".to_owned(), 1)]);
    // Section 3.27.6 of the standard: a result's index is that of its rule.
    for result in report["runs"][0]["results"].as_array().expect("results") {
        let rule = &report["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
    }
    let program = "import sarif_pydantic\ns = sarif_pydantic.Sarif.model_validate_json(open('sarif').read())\n\
                   print(s.version, sorted(r.rule_id for r in s.runs[0].results))";
    if let Some(read) = made.python("sarif_pydantic", program) {
        assert_eq!(read.trim(), "2.1.0 ['firmware-fault', 'limit-exceeded', 'regression']");
    }
    // The standard's own schema; that it refuses a level that is none shows that it is one.
    if let Some(schema) = tools::schema("sarif-2.1.0.json") {
        let program = format!(
            "import json, jsonschema\ns = json.load(open({})); r = json.load(open('sarif'))\njsonschema.validate(r, s)\n\
             r['runs'][0]['results'][0]['level'] = 'terrible'\nprint(len(list(jsonschema.Draft7Validator(s).iter_errors(r))))",
            Value::from(schema.to_str().expect("a path"))
        );
        if let Some(read) = made.python("jsonschema", &program) {
            assert_eq!(read, "1\n");
        }
    }
}

/// Reports of what is fine, too, and of nothing but limits, are what their schemas say.
#[test]
fn junit_and_sarif_are_valid_whatever_there_is_to_report() {
    let made = Made::new("ci-valid");
    let (suite, junit, sarif) = (made.path("stm32sim.toml"), made.path("junit"), made.path("sarif"));
    let (to_junit, to_sarif) = (format!("junit={junit}"), format!("sarif={sarif}"));
    let emit = ["--emit", to_junit.as_str(), "--emit", to_sarif.as_str(), "--quiet"];
    let fine = ["bench", "--scenario", "anomaly", "--samples", "0"];
    let baseline = made.path("baseline.json");
    let not_fitting = ["bench", "--scenario", "anomaly", "--samples", "0", "--sweep", "chip=stm32f103x4,stm32f103xb"];
    for (args, code) in [
        (&fine[..], 0),
        (&["bench", "--suite", &suite], 5),
        (&["check", "--suite", &suite, "--baseline", &baseline], 5),
        (&["compare", &baseline, &baseline], 0),
        (&not_fitting, 6),
    ] {
        let run = stm32sim(&[args, &emit].concat());
        assert_eq!((run.code, run.err.as_str()), (code, ""), "{args:?}");
        if let Some(schema) = tools::schema("junit-10.xsd") {
            let program = format!(
                "import xmlschema\ns = xmlschema.XMLSchema({})\nprint([str(e.reason) for e in s.iter_errors('junit')])",
                Value::from(schema.to_str().expect("a path"))
            );
            if let Some(errors) = made.python("xmlschema", &program) {
                assert_eq!(errors, "[]\n", "{args:?}: {}", fs::read_to_string(&junit).expect("written"));
            }
        }
        if let Some(schema) = tools::schema("sarif-2.1.0.json") {
            let program = format!(
                "import json, jsonschema\njsonschema.validate(json.load(open('sarif')), json.load(open({})))\nprint('valid')",
                Value::from(schema.to_str().expect("a path"))
            );
            if let Some(read) = made.python("jsonschema", &program) {
                assert_eq!(read, "valid\n", "{args:?}");
            }
        }
    }
}

#[test]
fn annotations_are_one_line_each_and_escaped() {
    let made = Made::new("ci-annotations");
    let text = made.emit("annotations");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for line in &lines {
        let (head, message) = line.strip_prefix("::").and_then(|line| line.split_once("::")).expect("a workflow command");
        assert!(head.starts_with("error title=stm32sim "), "{line}");
        // Every % is one of GitHub's escapes.
        assert!(message.split('%').skip(1).all(|rest| ["25", "0A", "0D"].iter().any(|code| rest.starts_with(code))), "{line}");
    }
    assert!(lines[1].contains("odd <&\"'|*%25> name@stm32f103c8 breaks the limit 'cycles <= 1k'"), "{text}");
    // GitHub's own toolkit writes the same lines of the same findings, which SARIF holds unescaped.
    let sarif: Value = serde_json::from_str(&made.emit("sarif")).expect("JSON");
    let (results, rules) = (&sarif["runs"][0]["results"], &sarif["runs"][0]["tool"]["driver"]["rules"]);
    let script = "import * as core from '@actions/core';\n\
                  for (const [message, title] of JSON.parse(process.argv[1])) core.error(message, { title });";
    let given: Vec<Value> = results
        .as_array()
        .expect("results")
        .iter()
        .map(|result| {
            let rule = &rules[result["ruleIndex"].as_u64().expect("an index") as usize];
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            let message = format!("{}\n{}", text(&result["message"]["text"]), text(&rule["help"]["text"]));
            serde_json::json!([message, format!("stm32sim {}", text(&rule["id"]))])
        })
        .collect();
    if let Some(mut node) = tools::node(&["@actions/core"], script) {
        assert_eq!(printed(node.arg(Value::from(given).to_string())), text);
    }
}

#[test]
fn the_step_summary_is_added_to_and_the_log_annotated() {
    let made = Made::new("ci-github");
    let summary = made.scratch.file("summary.md", b"before\n");
    let output = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
        .args(["check", "--suite", &made.path("stm32sim.toml"), "--baseline", &made.path("baseline.json"), "--github", "--quiet"])
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(5));
    let text = fs::read_to_string(&summary).expect("there");
    assert!(text.starts_with("before\n<!-- stm32sim report -->\n### stm32sim: **3 of 4 runs fail**\n"), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches("::error title=").count(), 3);
}

#[test]
fn markdown_has_whole_tables() {
    let made = Made::new("ci-markdown");
    let text = made.emit("markdown");
    let program = "from markdown_it import MarkdownIt\n\
                   t = MarkdownIt('commonmark').enable('table').parse(open('markdown').read())\n\
                   print(sum(x.type == 'table_open' for x in t), sum(x.type == 'tr_open' for x in t), \
                   sum(x.type == 'td_open' for x in t))";
    if let Some(read) = made.python("markdown_it", program) {
        let numbers: Vec<usize> = read.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        // What changed, and all four results; cells: 6 and 8 a row.
        assert_eq!(numbers[0], 2, "{text}");
        assert_eq!((numbers[1], numbers[2]), (2 + 1 + 4, 6 + 4 * 8), "{text}");
    }
    assert!(text.contains("| anomaly@stm32f103c8 | cycles | "), "{text}");
}

#[test]
fn gitlabs_report_has_its_required_fields_and_stable_fingerprints() {
    let made = Made::new("ci-gitlab");
    let list: Value = serde_json::from_str(&made.emit("gitlab")).expect("JSON");
    let rows = list.as_array().expect("a list");
    assert_eq!(rows.len(), 3);
    let mut fingerprints: Vec<&str> = Vec::new();
    for row in rows {
        assert!(["description", "check_name", "fingerprint", "severity"].iter().all(|field| row[field].is_string()), "{row}");
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&row["severity"].as_str().expect("text")));
        assert!(row["location"]["path"].is_string() && row["location"]["lines"]["begin"].is_u64(), "{row}");
        fingerprints.push(row["fingerprint"].as_str().expect("text"));
    }
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 3, "one each");
    // GitLab's own schema (app/validators/json_schemas/codeclimate.json of its source), where a copy is at hand; no package carries it.
    let Some(schema) = std::env::var_os("STM32SIM_GITLAB_SCHEMA") else {
        return eprintln!("skipped in part: STM32SIM_GITLAB_SCHEMA does not name GitLab's codeclimate.json");
    };
    let program = format!(
        "import json, jsonschema\ns = json.load(open({}))\nfor row in json.load(open('gitlab')): jsonschema.validate(row, s)\nprint('valid')",
        Value::from(schema.to_str().expect("a path"))
    );
    if let Some(read) = made.python("jsonschema", &program) {
        assert_eq!(read, "valid\n");
    }
}

#[test]
fn the_badge_is_a_picture_with_the_verdict() {
    let made = Made::new("ci-badge");
    let text = made.emit("badge");
    assert!(text.contains("3 of 4 failing"), "{text}");
    let plot = made.path("plot.svg");
    let sweep = ["bench", "--scenario", "anomaly", "--samples", "0", "--sweep", "clock=8,72MHz", "--plot", &plot];
    assert_eq!(stm32sim(&sweep).code, 0);
    let program = "import xml.etree.ElementTree as e\n\
                   for f in ('badge', 'plot.svg'):\n  r = e.parse(f).getroot()\n  print(r.tag, len(r.findall('.//{*}circle')))";
    if let Some(read) = made.python("xml.etree.ElementTree", program) {
        assert_eq!(read, "{http://www.w3.org/2000/svg}svg 0\n{http://www.w3.org/2000/svg}svg 2\n");
    }
    let fine = made.path("fine.svg");
    assert_eq!(stm32sim(&["bench", "--scenario", "anomaly", "--samples", "1", "--emit", &format!("badge={fine}")]).code, 0);
    let run: serde_json::Value =
        serde_json::from_str(&stm32sim(&["run", "--scenario", "anomaly", "--format", "json"]).out).expect("a report");
    let latency = format!("stm32sim: {:.1} us", run["inference"]["latency_us"].as_f64().expect("a latency"));
    assert!(fs::read_to_string(&fine).expect("written").contains(&latency), "{latency}");
}
