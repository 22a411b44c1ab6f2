//! `bundle PROJECT OUT`: bundles a project's edge functions as a deployment would, and says what it found.

use std::path::Path;

use holm_build::limits::BuildLimits;
use holm_build::npm_tool::NpmClient;
use holm_build::{BundleInput, bundle_functions, esbuild_tool};
use holm_site::find_function_sources;

#[expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(root), Some(out)) = (words.next(), words.next()) else {
        return Err("bundle PROJECT OUT".into());
    };
    let limits = BuildLimits::DEFAULT;
    let npm = NpmClient {
        command: "npm".into(),
        time_max: limits.npm_time_max,
    };
    let tool = esbuild_tool().ok_or("no esbuild is pinned for this machine")?;
    let esbuild = tool.install(&npm, Path::new(&out))?;
    let mut files = Vec::new();
    list(Path::new(&root), Path::new(&root), &mut files)?;
    let sources = find_function_sources(files.iter().map(String::as_str));
    let input = BundleInput {
        root: Path::new(&root),
        sources: sources.value,
        limits,
    };
    let bundled = bundle_functions(&esbuild, &input)?;
    for found in sources.diagnostics.iter().chain(&bundled.diagnostics) {
        println!("{found}");
    }
    let Some(bundle) = bundled.value else {
        println!("nothing to run");
        return Ok(());
    };
    for route in &bundle.routes {
        println!(
            "{}: {} ({}) from {}",
            route.handler, route.src, route.methods, route.name
        );
    }
    println!("middleware: {:?}", bundle.middleware);
    println!("{} bytes", bundle.code.len());
    std::fs::write(Path::new(&out).join("bundle.js"), bundle.code)?;
    std::fs::write(Path::new(&out).join("bundle.js.map"), bundle.source_map)?;
    Ok(())
}

fn list(root: &Path, folder: &Path, files: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.ends_with("node_modules") {
            continue;
        }
        if path.is_dir() {
            list(root, &path, files)?;
        } else if let Ok(path) = path.strip_prefix(root) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
