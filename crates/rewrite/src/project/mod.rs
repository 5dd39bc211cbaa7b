//! Build files of the project: language levels, dependencies, and how to declare a new one.
use surefix_text::{Edit, FileId, Refusal};
/// File ids of manifests start here: the manifest at index `i` of the list given to [`Project::new`] has id `MANIFEST_BASE + i`.
pub const MANIFEST_BASE: u32 = 1_000_000;
/// The build files of a project.
#[derive(Clone, Debug, Default)]
pub struct Project {
    files: Vec<(String, String)>,
}
impl Project {
    /// Reads build files: path (with `/`) and decoded text.
    pub fn new(files: &[(String, String)]) -> Project {
        Project { files: files.to_vec() }
    }
    /// The manifests with their ids.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &str, &str)> {
        self.files.iter().zip(MANIFEST_BASE..).map(|((p, t), id)| (FileId(id), p.as_str(), t.as_str()))
    }
    /// The Java language level that the code at `path` is compiled for; `None` when the build files do not tell (use 8).
    pub fn java_level(&self, path: &str) -> Option<u32> {
        let _ = path;
        None
    }
    /// The lowest Python version that the code at `path` must run on; 3.8 when nothing tells.
    pub fn python_min(&self, path: &str) -> (u8, u8) {
        let _ = path;
        (3, 8)
    }
    /// Whether the code at `path` can use a dependency (`group:artifact` or a Python distribution); the version if it is written.
    pub fn has_dep(&self, path: &str, name: &str) -> Option<Option<String>> {
        let _ = (path, name);
        None
    }
    /// Declares a dependency in the manifest that governs `path`.
    pub fn add_dependency(&self, path: &str, name: &str, version: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let _ = (path, version, edits);
        crate::layout::no(surefix_text::Reason::DependencyMissing, format!("no build file declares {name}"))
    }
}
