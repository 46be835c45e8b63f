use packager::{collect, discover, facts::InterpreterFacts, plan::*, progress::Silent};
use std::time::Instant;
fn cpu() -> f64 { let s=std::fs::read_to_string("/proc/self/stat").unwrap(); let f: Vec<&str>=s.rsplit(')').next().unwrap().split_whitespace().collect(); (f[11].parse::<f64>().unwrap()+f[12].parse::<f64>().unwrap()+f[13].parse::<f64>().unwrap()+f[14].parse::<f64>().unwrap())/100.0 }
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let python = std::path::PathBuf::from(&a[1]);
    let script = std::path::Path::new(&a[2]).canonicalize().unwrap();
    let root = script.parent().unwrap().to_owned();
    let plan = BuildPlan { name: "app".into(), version: None, id: "app".into(), root: root.clone(), entry: Entry::Script(script), commands: vec![], python: python.clone(), python_reason: String::new(), paths: vec![], include: Include::default(), exclude: Exclude::default(), runtime_hooks: vec![], mode: BundleMode::OneFile, unpack: UnpackPolicy::Reuse, runtime_tmpdir: None, optimize: 0, compression: 3, windowed: false, dist_dir: root.join("dist"), contents_directory: "_internal".into(), target: "x86_64-unknown-linux-gnu".into(), cache_dir: None, clean: false, noconfirm: false };
    let t = Instant::now(); let c0=cpu();
    let facts = InterpreterFacts::ask(&python).unwrap_or_else(|e| {eprintln!("{e}"); std::process::exit(1)});
    let (t1,c1) = (t.elapsed(),cpu());
    let graph = discover::modules(&plan, &facts, &Silent).unwrap_or_else(|e| {eprintln!("{e}"); std::process::exit(1)});
    let (t2,c2) = (t.elapsed(),cpu());
    let c = collect::files(&plan, &facts, &graph).unwrap_or_else(|e| {eprintln!("{e}"); std::process::exit(1)});
    let (t3,c3) = (t.elapsed(),cpu());
    eprintln!("wall ask {:?} discover {:?} collect {:?}; cpu {:.2} {:.2} {:.2}", t1, t2-t1, t3-t2, c1-c0, c2-c1, c3-c2);
    for d in &c.distributions { eprintln!("dist {} {} {} < {}", d.name, d.version, d.size, d.why); }
    for f in &c.files { if f.why.starts_with("needed by") || f.why.starts_with("named at") { eprintln!("{} {:?} < {}", f.dest, f.source, f.why); } }
    for m in &c.modules { if let packager::collection::ModuleCode::Extension{preload} = &m.code { if !preload.is_empty() { eprintln!("{} preload {:?}", m.name, preload.iter().map(|p| p.as_str()).collect::<Vec<_>>()); } } }
    for w in &c.warnings { eprintln!("warning: {w}"); }
    for m in graph.missing.iter().filter(|m| !m.site.optional) { eprintln!("missing {} {:?} {}", m.name, m.origin, m.site); }
    eprintln!("{} files {} modules {} reached, interp {:?}, glibc {:?}", c.files.len(), c.modules.len(), c.modules.iter().filter(|m| m.reached).count(), c.interpreter, c.glibc);
}
