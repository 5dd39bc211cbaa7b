//! Build files: levels, dependencies, and edits compared as whole texts.

use surefix_rewrite::{MANIFEST_BASE, Project};
use surefix_text::{Assurance, EditPlan, FileId, Fix, Reason, Tier};

fn project(files: &[(&str, &str)]) -> Project {
    Project::new(&files.iter().map(|(p, t)| (p.to_string(), t.to_string())).collect::<Vec<_>>())
}

/// Adds and returns the new text of the first file.
fn add(files: &[(&str, &str)], path: &str, name: &str, version: &str) -> Result<String, Reason> {
    let project = project(files);
    let mut edits = Vec::new();
    project.add_dependency(path, name, version, &mut edits).map_err(|r| {
        assert!(edits.is_empty());
        r.reason
    })?;
    project.add_dependency(path, name, version, &mut edits).unwrap();
    let fix = Fix { title: String::new(), edits, assurance: Assurance::start(Tier::Preserving), needs: Vec::new() };
    let mut plan = EditPlan::new();
    plan.offer(0, &fix).unwrap();
    let mut after: Vec<(String, String)> = Vec::new();
    for (id, path, text) in project.files() {
        after.push((path.to_owned(), plan.apply(id, text).unwrap()));
    }
    // The new manifest declares it, and a second run changes nothing.
    let again = Project::new(&after);
    assert!(again.has_dep(path, name).is_some(), "not found in {after:?}");
    let mut edits = Vec::new();
    again.add_dependency(path, name, version, &mut edits).unwrap();
    assert!(edits.is_empty());
    Ok(after.remove(0).1)
}

const ENCODER: &str = "org.owasp.encoder:encoder";

#[test]
fn ids() {
    let p = project(&[("a/pom.xml", "<project/>"), ("b/x.txt", "")]);
    assert_eq!(
        p.files().map(|(id, path, _)| (id, path)).collect::<Vec<_>>(),
        [(FileId(MANIFEST_BASE), "a/pom.xml"), (FileId(MANIFEST_BASE + 1), "b/x.txt")]
    );
}

#[test]
fn maven_levels_and_dependencies() {
    let parent = "<project><groupId>g</groupId><artifactId>parent</artifactId><properties><java.version>17</java.version><enc>1.2.3</enc></properties>\
        <dependencyManagement><dependencies><dependency><groupId>org.owasp.encoder</groupId><artifactId>encoder</artifactId><version>${enc}</version></dependency></dependencies></dependencyManagement></project>";
    let child = "<project>\r\n\t<parent><artifactId>parent</artifactId></parent>\r\n\t<artifactId>c</artifactId>\r\n\t<dependencies>\r\n\t\t<!-- one -->\r\n\t\t<dependency>\r\n\t\t\t<groupId>a</groupId>\r\n\t\t\t<artifactId>b</artifactId>\r\n\t\t\t<version>1</version>\r\n\t\t</dependency>\r\n\t\t<dependency>\r\n\t\t\t<groupId>t</groupId>\r\n\t\t\t<artifactId>t</artifactId>\r\n\t\t\t<scope>test</scope>\r\n\t\t</dependency>\r\n\t</dependencies>\r\n</project>";
    let files = [("c/pom.xml", child), ("pom.xml", parent)];
    let p = project(&files);
    let path = "c/src/main/java/A.java";
    assert_eq!(p.java_level(path), Some(17));
    assert_eq!(p.has_dep(path, "a:b"), Some(Some("1".into())));
    assert_eq!(p.has_dep(path, "t:t"), None);
    assert_eq!(p.has_dep("c/src/test/java/A.java", "t:t"), Some(None));
    assert_eq!(p.has_dep(path, ENCODER), None);
    // Managed by the parent: no version.
    let want = child.replace("\t</dependencies>", "\t\t<dependency>\r\n\t\t\t<groupId>org.owasp.encoder</groupId>\r\n\t\t\t<artifactId>encoder</artifactId>\r\n\t\t</dependency>\r\n\t</dependencies>");
    assert_eq!(add(&files, path, ENCODER, "1.3.1").unwrap(), want);
    // A dependency for tests cannot be declared twice.
    assert_eq!(add(&files, path, "t:t", "1"), Err(Reason::DependencyMissing));
    let level = |pom: &str| project(&[("pom.xml", pom)]).java_level("A.java");
    assert_eq!(
        level("<project><properties><maven.compiler.source>1.8</maven.compiler.source></properties></project>"),
        Some(8)
    );
    let plugin = "<project><properties><r>11</r></properties><build><plugins><plugin><artifactId>maven-compiler-plugin</artifactId><configuration><release>${r}</release></configuration></plugin></plugins></build></project>";
    assert_eq!(level(plugin), Some(11));
    assert_eq!(level("<project></project>"), None);
}

#[test]
fn maven_without_a_list() {
    let none = "<project>\n  <artifactId>a</artifactId>\n</project>\n";
    let want = "<project>\n  <artifactId>a</artifactId>\n  <dependencies>\n    <dependency>\n      <groupId>g</groupId>\n      <artifactId>x</artifactId>\n      <version>2</version>\n    </dependency>\n  </dependencies>\n</project>\n";
    assert_eq!(add(&[("pom.xml", none)], "A.java", "g:x", "2").unwrap(), want);
    for empty in ["  <dependencies/>", "  <dependencies></dependencies>", "  <dependencies>\n  </dependencies>"] {
        let text = none.replace("</project>", &format!("{empty}\n</project>"));
        assert_eq!(add(&[("pom.xml", &text)], "A.java", "g:x", "2").unwrap(), want, "{empty}");
    }
    assert_eq!(add(&[("pom.xml", "<project>")], "A.java", "g:x", "2"), Err(Reason::DependencyMissing));
    assert_eq!(add(&[], "A.java", "g:x", "2"), Err(Reason::DependencyMissing));
}

#[test]
fn gradle() {
    let groovy = "plugins { id 'java' }\n// dependencies { x }\nbuildscript {\n    dependencies {\n        classpath 'g:x:0'\n    }\n}\ndependencies {\n    implementation 'a:b:1' // why\n    testImplementation \"t:t:1\"\n}\nsourceCompatibility = '1.8'\n";
    let p = project(&[("build.gradle", groovy)]);
    assert_eq!(p.java_level("src/A.java"), Some(8));
    assert_eq!(p.has_dep("src/A.java", "a:b"), Some(Some("1".into())));
    assert_eq!((p.has_dep("src/A.java", "g:x"), p.has_dep("src/A.java", "t:t")), (None, None));
    assert_eq!(p.has_dep("src/test/A.java", "t:t"), Some(Some("1".into())));
    let want = groovy.replace("\"t:t:1\"\n", "\"t:t:1\"\n    implementation 'g:x:2'\n");
    assert_eq!(add(&[("build.gradle", groovy)], "src/A.java", "g:x", "2").unwrap(), want);
    let kotlin = "java {\r\n\ttoolchain { languageVersion.set(JavaLanguageVersion.of(21)) }\r\n}\r\ndependencies {\r\n\timplementation(libs.enc.core)\r\n}\r\n";
    let catalog = "[versions]\nenc = \"1.2\"\n[libraries]\nenc-core = { module = \"org.owasp.encoder:encoder\", version.ref = \"enc\" }\n";
    let files = [("m/build.gradle.kts", kotlin), ("gradle/libs.versions.toml", catalog)];
    let p = project(&files);
    assert_eq!(p.java_level("m/src/A.java"), Some(21));
    assert_eq!(p.has_dep("m/src/A.java", ENCODER), Some(Some("1.2".into())));
    let want = kotlin.replace("core)\r\n", "core)\r\n\timplementation(\"g:x:2\")\r\n");
    assert_eq!(add(&files, "m/src/A.java", "g:x", "2").unwrap(), want);
    let locked = [("build.gradle", groovy), ("gradle.lockfile", "")];
    assert_eq!(add(&locked, "src/A.java", "g:x", "2"), Err(Reason::DependencyMissing));
    assert_eq!(add(&[("build.gradle", "plugins { }")], "src/A.java", "g:x", "2"), Err(Reason::DependencyMissing));
}

#[test]
fn python_lists() {
    let cases = [
        (
            "requirements.txt",
            "# web\nFlask==2.0 # pinned\nrequests==1\n",
            "# web\ndefusedxml==0.7.1\nFlask==2.0 # pinned\nrequests==1\n",
        ),
        ("requirements.txt", "zope>=1\r\nattrs>=2", "zope>=1\r\nattrs>=2\r\ndefusedxml>=0.7.1"),
        ("requirements.txt", "", "defusedxml==0.7.1\n"),
        (
            "pyproject.toml",
            "[project]\nname = \"x\"\ndependencies = [\"flask>=2\"]\n",
            "[project]\nname = \"x\"\ndependencies = [\"flask>=2\", \"defusedxml>=0.7.1\"]\n",
        ),
        (
            "pyproject.toml",
            "[project]\r\ndependencies = [\r\n\t'flask==2', # c\r\n]\r\n",
            "[project]\r\ndependencies = [\r\n\t'flask==2',\r\n\t'defusedxml==0.7.1', # c\r\n]\r\n",
        ),
        ("pyproject.toml", "[project]\ndependencies = []\n", "[project]\ndependencies = [\"defusedxml>=0.7.1\"]\n"),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\npython = \"^3.9\"\nflask = {version = \"2\", extras = [\"a\"]} # c\n\n[tool.x]\ny = 1\n",
            "[tool.poetry.dependencies]\npython = \"^3.9\"\nflask = {version = \"2\", extras = [\"a\"]} # c\ndefusedxml = \"^0.7.1\"\n\n[tool.x]\ny = 1\n",
        ),
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n    flask>=2\n    six\n\n[x]\n",
            "[options]\ninstall_requires =\n    flask>=2\n    six\n    defusedxml>=0.7.1\n\n[x]\n",
        ),
        (
            "setup.py",
            "setup(\n    install_requires=[\n        'flask>=2',\n        'six',\n    ],\n)\n",
            "setup(\n    install_requires=[\n        'flask>=2',\n        'six',\n        'defusedxml>=0.7.1',\n    ],\n)\n",
        ),
        ("Pipfile", "[packages]\nflask = \"*\"\n", "[packages]\nflask = \"*\"\ndefusedxml = \"*\"\n"),
    ];
    for (file, text, want) in cases {
        assert_eq!(add(&[(file, text)], "pkg/a.py", "defusedxml", "0.7.1").as_deref(), Ok(want), "{file}");
    }
    let refused: &[&[(&str, &str)]] = &[
        &[("requirements.txt", "flask==1 --hash=sha256:00\n")],
        &[("pyproject.toml", "[project]\ndependencies = []\n"), ("uv.lock", "")],
        &[("Pipfile", "[packages]\na = \"*\"\n"), ("Pipfile.lock", "")],
        &[("setup.py", "setup(install_requires=read('x'))")],
        &[("requirements-dev.txt", "pytest\n")],
        &[],
    ];
    for files in refused {
        assert_eq!(add(files, "pkg/a.py", "defusedxml", "0.7.1"), Err(Reason::DependencyMissing), "{files:?}");
    }
}

#[test]
fn python_facts() {
    let has = |file: &str, text: &str| project(&[(file, text)]).has_dep("a/b.py", "Defused_XML");
    assert_eq!(has("requirements.txt", "defused-xml[lxml]>=0.6,<1 ; python_version > '3'\n"), Some(Some("0.6".into())));
    assert_eq!(has("a/requirements/base.txt", "defused.xml\n"), Some(None));
    assert_eq!(has("c/requirements.txt", "defused.xml\n"), None);
    assert_eq!(has("pyproject.toml", "[project.optional-dependencies]\nx = [\"defused-xml\"]\n"), None);
    let min = |file: &str, text: &str| project(&[(file, text)]).python_min("a/b.py");
    assert_eq!(min("pyproject.toml", "[project]\nrequires-python = \">=3.9,<4\"\n"), (3, 9));
    assert_eq!(min("pyproject.toml", "[tool.poetry.dependencies]\npython = \"^3.11\"\n"), (3, 11));
    assert_eq!(min("setup.cfg", "[options]\npython_requires = ~=3.7\n"), (3, 7));
    assert_eq!(min("setup.py", "setup(python_requires='>3.9')"), (3, 10));
    assert_eq!(min("Pipfile", "[requires]\npython_version = \"3.12\"\n"), (3, 12));
    assert_eq!(min("x", ""), (3, 8));
}
