//! Which forge and repository a run speaks to: as the pipeline tells, else as the settings say, else by the remote's address.

use crate::forge::Kind;
use crate::platform::Place;

/// What the settings say.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Kind of forge.
    pub kind: Option<Kind>,
    /// Address of the programming interface.
    pub api: Option<String>,
    /// Address of the server for git.
    pub server: Option<String>,
    /// Repository.
    pub slug: Option<String>,
}

/// The address of a remote in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteUrl {
    /// Host, with the port when it is spoken to over HTTP.
    pub host: String,
    /// `http` or `https`; ssh counts as `https`.
    pub scheme: &'static str,
    /// Path without slash at the beginning and `.git` at the end.
    pub path: String,
}

impl RemoteUrl {
    /// Reads `https://host/path`, `ssh://git@host:22/path`, `git@host:path`; `None` for a folder.
    pub fn parse(url: &str) -> Option<RemoteUrl> {
        let (scheme, rest) = match url.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => ("ssh", rest),
            Some(_) => return None,
            None => {
                let (host, path) = url.split_once(':')?;
                if host.contains('/') || path.starts_with('\\') || host.len() < 2 {
                    return None;
                }
                let host = host.rsplit('@').next()?;
                return RemoteUrl::build(host, "https", path);
            }
        };
        let (authority, path) = rest.split_once('/')?;
        let mut host = authority.rsplit('@').next()?;
        if scheme == "ssh" {
            host = host.split(':').next()?;
        }
        RemoteUrl::build(host, if scheme == "http" { "http" } else { "https" }, path)
    }

    fn build(host: &str, scheme: &'static str, path: &str) -> Option<RemoteUrl> {
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        (!host.is_empty() && !path.is_empty()).then(|| RemoteUrl {
            host: host.to_ascii_lowercase(),
            scheme,
            path: path.to_string(),
        })
    }
}

/// The forge of a well-known host.
fn by_host(host: &str) -> Option<Kind> {
    match host.split(':').next().unwrap_or(host) {
        "github.com" => Some(Kind::GitHub),
        "gitlab.com" => Some(Kind::GitLab),
        "bitbucket.org" => Some(Kind::Bitbucket),
        "codeberg.org" | "gitea.com" => Some(Kind::Gitea),
        "dev.azure.com" | "ssh.dev.azure.com" => Some(Kind::Azure),
        h if h.ends_with(".visualstudio.com") => Some(Kind::Azure),
        _ => None,
    }
}

/// The place; the error says which setting is missing.
pub fn place(told: Option<&Place>, wanted: &Wanted, remote: Option<&str>) -> Result<Place, String> {
    // What the pipeline tells beats the file: a file comes with the code, and must not choose where a token goes.
    if let Some(p) = told {
        return Ok(Place { kind: wanted.kind.unwrap_or(p.kind), ..p.clone() });
    }
    let url = remote.and_then(RemoteUrl::parse);
    let kind = wanted.kind.or_else(|| by_host(&url.as_ref()?.host));
    let Some(kind) = kind else {
        return Err("which forge this is cannot be told from the remote's address: set `[pr] forge`".to_string());
    };
    let host = url.as_ref().map(|u| format!("{}://{}", u.scheme, u.host));
    let slug = wanted.slug.clone().or_else(|| Some(slug_of(kind, url.as_ref()?)));
    let api = wanted.api.clone().or_else(|| {
        let url = url.as_ref()?;
        let host = host.as_ref()?;
        Some(match kind {
            Kind::GitHub if url.host == "github.com" => "https://api.github.com".to_string(),
            Kind::GitHub => format!("{host}/api/v3"),
            Kind::GitLab => format!("{host}/api/v4"),
            Kind::Gitea => format!("{host}/api/v1"),
            Kind::Bitbucket => "https://api.bitbucket.org/2.0".to_string(),
            Kind::Azure => {
                let organisation = url.path.trim_start_matches("v3/").split('/').next().unwrap_or_default();
                format!("https://dev.azure.com/{organisation}")
            }
        })
    });
    let server = wanted.server.clone().or(host.map(|h| format!("{h}/")));
    match (api, server, slug) {
        (Some(api), Some(server), Some(slug)) => Ok(Place {
            kind,
            api: api.trim_end_matches('/').to_string(),
            server: format!("{}/", server.trim_end_matches('/')),
            slug,
        }),
        _ => Err("the remote is no address of a server: set `[pr] api`, `server` and `repository`".to_string()),
    }
}

fn slug_of(kind: Kind, url: &RemoteUrl) -> String {
    if kind != Kind::Azure {
        return url.path.clone();
    }
    // organisation/project/_git/name, or v3/organisation/project/name over ssh.
    let parts: Vec<&str> = url.path.trim_start_matches("v3/").split('/').filter(|p| *p != "_git").collect();
    match parts.as_slice() {
        [_, project, name] => format!("{project}/{name}"),
        [_, name] => format!("{name}/{name}"),
        _ => url.path.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_all_forms() {
        let parts = |u: &str| RemoteUrl::parse(u).map(|r| (r.host, r.path));
        let want = Some(("github.com".to_string(), "a/b".to_string()));
        for u in [
            "https://github.com/a/b.git",
            "git@github.com:a/b.git",
            "ssh://git@github.com:22/a/b",
            "https://u:p@GitHub.com/a/b/",
        ] {
            assert_eq!(parts(u), want, "{u}");
        }
        for u in ["/srv/a.git", "file:///srv/a.git", "C:\\a\\b", "../x"] {
            assert_eq!(parts(u), None, "{u}");
        }
        assert_eq!(parts("http://127.0.0.1:3000/a/b"), Some(("127.0.0.1:3000".into(), "a/b".into())));
    }

    #[test]
    fn places_from_addresses() {
        let p = |url: &str, kind| place(None, &Wanted { kind, ..Wanted::default() }, Some(url)).unwrap();
        assert_eq!(p("git@github.com:a/b.git", None).api, "https://api.github.com");
        assert_eq!(p("https://git.example.org/g/s/b.git", Some(Kind::GitLab)).slug, "g/s/b");
        assert_eq!(p("https://git.example.org/a/b", Some(Kind::Gitea)).api, "https://git.example.org/api/v1");
        let a = p("https://org@dev.azure.com/org/proj/_git/name", None);
        assert_eq!((a.api.as_str(), a.slug.as_str()), ("https://dev.azure.com/org", "proj/name"));
        assert_eq!(p("git@ssh.dev.azure.com:v3/org/proj/name", None).slug, "proj/name");
        assert!(place(None, &Wanted::default(), Some("https://git.example.org/a/b")).unwrap_err().contains("forge"));
    }

    #[test]
    fn a_file_does_not_choose_where_the_token_goes() {
        let told = Place {
            kind: Kind::GitHub,
            api: "https://api.github.com".into(),
            server: "https://github.com/".into(),
            slug: "a/b".into(),
        };
        let evil = Wanted {
            api: Some("https://evil.example".into()),
            server: Some("https://evil.example".into()),
            ..Wanted::default()
        };
        assert_eq!(place(Some(&told), &evil, None).unwrap(), told);
    }
}
