//! Which programs read text as commands, and which characters no such program minds.

/// The characters of the last-resort guard, as the inside of a regular expression's character class.
pub(super) const CLASS: &str = "[A-Za-z0-9_.,@+=:/ -]";

/// The same in words.
pub(super) const CLASS_TEXT: &str = "letters, digits, spaces and _.,@+=:/-";

/// What a program does with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Takes a POSIX shell script after `-c`.
    Shell,
    /// Reads everything behind `/c` again (`cmd.exe`), or everything at all (PowerShell).
    Windows,
    /// Takes program text after an option.
    Interpreter(&'static [&'static str]),
    /// Runs another program that its arguments name, or hands them to a remote shell.
    Runner,
    /// Takes data.
    Plain,
}

/// The role of a program by its file name.
pub(super) fn role(program: &str) -> Role {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program).to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    match name {
        "sh" | "bash" | "dash" | "ksh" | "zsh" | "ash" | "fish" => Role::Shell,
        "cmd" | "powershell" | "pwsh" | "command.com" => Role::Windows,
        "python" | "python2" | "python3" => Role::Interpreter(&["-c"]),
        "perl" | "ruby" | "lua" | "rscript" => Role::Interpreter(&["-e", "-E"]),
        "node" | "nodejs" => Role::Interpreter(&["-e", "--eval", "-p"]),
        "php" => Role::Interpreter(&["-r"]),
        "osascript" => Role::Interpreter(&["-e"]),
        "ssh" | "su" | "sudo" | "env" | "xargs" | "nohup" | "timeout" | "exec" | "eval" | "watch" | "find"
        | "docker" => Role::Runner,
        _ => Role::Plain,
    }
}

/// The bits of the characters that the last-resort guard lets through.
pub(super) fn alphabet() -> u128 {
    let letters = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain("_.,@+=:/ -%".chars());
    letters.fold(0, |m, c| m | 1u128 << c as u32)
}

/// Commands that a shell runs itself: without a shell they do not exist or behave differently.
pub(super) fn is_builtin(name: &str) -> bool {
    matches!(
        name,
        "." | ":"
            | "alias"
            | "bg"
            | "break"
            | "cd"
            | "command"
            | "continue"
            | "echo"
            | "eval"
            | "exec"
            | "exit"
            | "export"
            | "false"
            | "fg"
            | "getopts"
            | "hash"
            | "jobs"
            | "kill"
            | "let"
            | "local"
            | "printf"
            | "pwd"
            | "read"
            | "readonly"
            | "return"
            | "set"
            | "shift"
            | "source"
            | "test"
            | "["
            | "times"
            | "trap"
            | "true"
            | "type"
            | "ulimit"
            | "umask"
            | "unalias"
            | "unset"
            | "wait"
            | "time"
            | "if"
            | "for"
            | "while"
            | "case"
            | "until"
            | "{"
            | "!"
            | "dir"
            | "copy"
            | "del"
            | "move"
            | "ren"
            | "mkdir"
            | "md"
            | "rd"
            | "start"
            | "ver"
            | "vol"
    ) && !matches!(name, "mkdir" | "kill" | "false" | "true")
}

/// True when a word of a script means itself: no quotes, expansions, globs, operators.
pub(super) fn is_plain_text(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "_./:@%+,=- \t".contains(c))
}
