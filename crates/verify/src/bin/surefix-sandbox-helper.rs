//! The sandbox's helper as a program of its own, for the tests of this crate; the released program is its own helper.

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((first, rest)) if first == surefix_verify::sandbox::HELPER => {
            std::process::ExitCode::from(surefix_verify::sandbox::helper_main(rest))
        }
        _ => std::process::ExitCode::from(2),
    }
}
