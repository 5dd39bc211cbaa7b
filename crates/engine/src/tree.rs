//! The project in memory: decoded texts, modules, build files; and how some of its texts are exchanged.

use crate::discover::{InputFile, Role};
use crate::front;
use crate::guard::guarded;
use crate::outcome::{Coverage, Diagnostic, Skipped};
use crate::pyname::PyNames;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use surefix_dataflow::{Program, Resource};
use surefix_ir::{Lang, Module};
use surefix_rewrite::Project;
use surefix_text::{FileId, SourceFile};

/// A line above this length is machine-made; the file is left out.
const MAX_LINE: usize = 1 << 20;

/// What is known of a code file beside its module and text.
#[derive(Clone)]
pub struct CodeFile {
    /// Encoding and hash of the bytes as read; the text lies in [`Tree::texts`].
    pub source: SourceFile,
    /// Test, generated or vendored code: which.
    pub class: Option<front::Class>,
    /// Dotted Python name and whether it is a package.
    pub name: (String, bool),
}

/// The project in memory.
pub struct Tree {
    /// Modules, paths, resource files.
    pub program: Program,
    /// Decoded texts, same index as the modules.
    pub texts: Vec<String>,
    /// Code files, same index.
    pub code: Vec<CodeFile>,
    /// Build files: path and decoded text, sorted by path; file ids from [`surefix_rewrite::MANIFEST_BASE`].
    pub manifests: Vec<(String, String)>,
    /// Encoding and hash of the build files.
    pub manifest_sources: Vec<SourceFile>,
    /// Dependencies and language levels.
    pub project: Project,
}

/// A text in the place of another one.
pub struct Replacement {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: String,
    /// Its module; `None` for build files.
    pub module: Option<Arc<Module>>,
}

enum Loaded {
    Code(Box<Parts>),
    Skip(String),
    Failed(String),
}

struct Parts {
    file: CodeFile,
    text: String,
    lang: Lang,
    module: Arc<Module>,
    /// Why nothing of the file was understood.
    trouble: Option<String>,
    /// Suppressions that cannot be followed: line and what is wrong.
    directives: Vec<(u32, String)>,
}

impl Tree {
    /// Decodes, classifies and lowers the files, in parallel. What cannot be analysed is in the coverage or a message.
    pub fn load(files: Vec<InputFile>, coverage: &mut Coverage, diagnostics: &mut Vec<Diagnostic>) -> Tree {
        let mut code_files = Vec::new();
        let mut manifests = Vec::new();
        let mut manifest_sources = Vec::new();
        let mut resources = Vec::new();
        let mut files = files;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        for f in files {
            match f.role {
                Role::Code => code_files.push(f),
                Role::Manifest => match front::decode(&f.path, &f.bytes) {
                    Ok(mut source) => {
                        manifests.push((f.path, std::mem::take(&mut source.text)));
                        manifest_sources.push(source);
                    }
                    Err(why) => coverage.skipped.push(Skipped { path: f.path, why }),
                },
                Role::Resource => {
                    if let Ok(source) = front::decode(&f.path, &f.bytes) {
                        resources.push(Resource { path: f.path, text: source.text });
                    }
                }
            }
        }
        let decoded: Vec<(String, Result<SourceFile, String>)> = code_files
            .into_par_iter()
            .map(|f| {
                let source = readable(&f.path, &f.bytes);
                (f.path, source)
            })
            .collect();
        let names = PyNames::new(
            decoded.iter().filter_map(|(p, s)| {
                let text = s.as_ref().ok()?.text.as_str();
                (front::lang(p, text.as_bytes()) == Some(Lang::Python)).then_some((p.as_str(), text))
            }),
            manifests.iter().map(|(p, _)| p.as_str()),
        );
        let loaded: Vec<(String, Loaded)> = decoded
            .into_par_iter()
            .map(|(path, source)| {
                let one = match source {
                    Ok(source) => load_one(&path, source, &names),
                    Err(why) => Loaded::Skip(why),
                };
                (path, one)
            })
            .collect();
        let mut tree = Tree {
            program: Program { resources, ..Program::default() },
            texts: Vec::new(),
            code: Vec::new(),
            project: Project::new(&manifests),
            manifests,
            manifest_sources,
        };
        for (path, one) in loaded {
            match one {
                Loaded::Skip(why) => coverage.skipped.push(Skipped { path, why }),
                Loaded::Failed(why) => {
                    let message = format!("not analysed: internal error ({why})");
                    diagnostics.push(Diagnostic { path: path.clone(), line: 0, message, failure: true });
                    coverage.skipped.push(Skipped { path, why: "internal error".to_string() });
                }
                Loaded::Code(parts) => {
                    let Parts { file, text, lang, module, trouble, directives } = *parts;
                    *coverage.analysed.entry(lang).or_insert(0) += 1;
                    coverage.lines += u64::from(module.lines);
                    coverage.not_understood += module.diagnostics.len();
                    if !module.error_spans.is_empty() {
                        coverage.partly_parsed.push(path.clone());
                    }
                    for (line, message) in directives {
                        diagnostics.push(Diagnostic { path: path.clone(), line, message, failure: false });
                    }
                    if let Some(message) = trouble {
                        diagnostics.push(Diagnostic { path: path.clone(), line: 0, message, failure: false });
                    }
                    tree.program.modules.push(module);
                    tree.program.paths.push(path);
                    tree.texts.push(text);
                    tree.code.push(file);
                }
            }
        }
        tree
    }

    /// The text of a file, `None` for an id that is none.
    pub fn text(&self, file: FileId) -> Option<&str> {
        match manifest_index(file) {
            Some(i) => self.manifests.get(i).map(|m| m.1.as_str()),
            None => self.texts.get(file.0 as usize).map(String::as_str),
        }
    }

    /// The path of a file.
    pub fn path(&self, file: FileId) -> &str {
        match manifest_index(file) {
            Some(i) => self.manifests.get(i).map_or("", |m| m.0.as_str()),
            None => self.program.paths.get(file.0 as usize).map_or("", String::as_str),
        }
    }

    /// The bytes and encoding of a file.
    pub fn source(&self, file: FileId) -> Option<&SourceFile> {
        match manifest_index(file) {
            Some(i) => self.manifest_sources.get(i),
            None => self.code.get(file.0 as usize).map(|c| &c.source),
        }
    }

    /// The module of a code file.
    pub fn module(&self, file: FileId) -> Option<&Arc<Module>> {
        manifest_index(file).is_none().then(|| self.program.modules.get(file.0 as usize)).flatten()
    }

    /// Lowers new texts, in parallel; `Err` names the file whose text cannot be lowered.
    pub fn prepare(&self, texts: BTreeMap<FileId, String>) -> Vec<Result<Replacement, (FileId, String)>> {
        texts
            .into_par_iter()
            .map(|(file, text)| {
                let module = match (manifest_index(file), self.code.get(file.0 as usize)) {
                    (None, Some(code)) => {
                        let path = self.path(file);
                        let lang = self.module(file).map_or(Lang::Java, |m| m.lang);
                        let module = guarded(|| front::lower(lang, path, &text, &code.name)).map_err(|e| (file, e))?;
                        Some(Arc::new(module))
                    }
                    _ => None,
                };
                Ok(Replacement { file, text, module })
            })
            .collect()
    }

    /// Puts the replacements in and gives what stood there.
    pub fn swap(&mut self, with: Vec<Replacement>) -> Vec<Replacement> {
        let mut manifests = false;
        let old = with
            .into_iter()
            .filter_map(|mut r| {
                match manifest_index(r.file) {
                    Some(i) => {
                        std::mem::swap(&mut self.manifests.get_mut(i)?.1, &mut r.text);
                        manifests = true;
                    }
                    None => {
                        let i = r.file.0 as usize;
                        std::mem::swap(self.texts.get_mut(i)?, &mut r.text);
                        std::mem::swap(self.program.modules.get_mut(i)?, r.module.as_mut()?);
                    }
                }
                Some(r)
            })
            .collect();
        if manifests {
            self.project = Project::new(&self.manifests);
        }
        old
    }
}

/// Index of a build file, `None` for code files.
pub fn manifest_index(file: FileId) -> Option<usize> {
    file.0.checked_sub(surefix_rewrite::MANIFEST_BASE).map(|i| i as usize)
}

fn readable(path: &str, bytes: &[u8]) -> Result<SourceFile, String> {
    if bytes.split(|b| *b == b'\n').any(|l| l.len() > MAX_LINE) {
        return Err("a line longer than 1 MB".to_string());
    }
    front::decode(path, bytes)
}

fn load_one(path: &str, mut source: SourceFile, names: &PyNames) -> Loaded {
    let text = std::mem::take(&mut source.text);
    let Some(lang) = front::lang(path, text.as_bytes()) else {
        return Loaded::Skip("not a supported language".to_string());
    };
    let class = match guarded(|| front::classify(lang, path, &text)) {
        Ok(Some(front::Class::Minified)) => return Loaded::Skip("minified".to_string()),
        Ok(class) => class,
        Err(e) => return Loaded::Failed(e),
    };
    let name = if lang == Lang::Python { names.name(path) } else { (String::new(), false) };
    match guarded(|| front::lower(lang, path, &text, &name)) {
        Ok(module) => {
            let trouble = too_deep(&module);
            let directives = front::misspelt(lang, &text);
            let file = CodeFile { source, class, name };
            Loaded::Code(Box::new(Parts { file, text, lang, module: Arc::new(module), trouble, directives }))
        }
        Err(e) => Loaded::Failed(e),
    }
}

/// A message when lowering gave up on the whole file.
fn too_deep(module: &Module) -> Option<String> {
    let given_up = module.functions.is_empty() && module.classes.is_empty() && module.init.is_none();
    module.diagnostics.first().filter(|_| given_up).map(|d| format!("not analysed: {}", d.what))
}
