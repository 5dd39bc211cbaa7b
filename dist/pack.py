"""Packs a surefix binary as a Python wheel and as npm packages. Standard library only.

    python3 dist/pack.py BINARY OUT --platform linux-x64

The same binary gives the same bytes. The wheel holds the program as a script, so that `pip install` puts it on the path. The
npm package `surefix` is a launcher that takes the program from `surefix-PLATFORM`, which npm installs where it fits: nothing is
downloaded by a script.
"""

import argparse
import base64
import gzip
import hashlib
import io
import json
import pathlib
import re
import tarfile
import zipfile

# npm's names of system and processor; the wheel's tag. A static program for Linux runs with every C library.
PLATFORMS = {
    "linux-x64": ("linux", "x64", "manylinux_2_17_x86_64.musllinux_1_1_x86_64"),
    "linux-arm64": ("linux", "arm64", "manylinux_2_17_aarch64.musllinux_1_1_aarch64"),
    "darwin-x64": ("darwin", "x64", "macosx_11_0_x86_64"),
    "darwin-arm64": ("darwin", "arm64", "macosx_11_0_arm64"),
    "win32-x64": ("win32", "x64", "win_amd64"),
}
SUMMARY = "Finds security flaws in Java and Python code and fixes them, each fix proven before it is written"
LICENSE = "MIT OR Apache-2.0"
ROOT = pathlib.Path(__file__).resolve().parent.parent

LAUNCHER = """#!/usr/bin/env node
"use strict";
const { spawnSync } = require("node:child_process");
const name = `surefix-${process.platform}-${process.arch}`;
const exe = process.platform === "win32" ? "surefix.exe" : "surefix";
let program;
try {
  program = require.resolve(`${name}/bin/${exe}`);
} catch {
  console.error(`surefix: there is no package ${name} beside this one; this platform may not be built for`);
  process.exit(3);
}
const done = spawnSync(program, process.argv.slice(2), { stdio: "inherit" });
if (done.error) {
  console.error(`surefix: ${done.error.message}`);
}
process.exit(done.status === null ? 3 : done.status);
"""


def version():
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "([^"]+)"', text, re.M).group(1)


def wheel(binary, out, platform):
    name = f"surefix-{version()}"
    tag = PLATFORMS[platform][2]
    exe = "surefix.exe" if platform.startswith("win") else "surefix"
    tags = "".join(f"Tag: py3-none-{t}\n" for t in tag.split("."))
    files = {
        f"{name}.data/scripts/{exe}": binary,
        f"{name}.dist-info/METADATA": (
            f"Metadata-Version: 2.4\nName: surefix\nVersion: {version()}\nSummary: {SUMMARY}\n"
            f"License-Expression: {LICENSE}\nRequires-Python: >=3.7\n"
        ).encode(),
        f"{name}.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: surefix\nRoot-Is-Purelib: false\n{tags}".encode(),
    }
    record = ""
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    files[f"{name}.dist-info/RECORD"] = (record + f"{name}.dist-info/RECORD,,\n").encode()
    target = out / f"{name}-py3-none-{tag}.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            info.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return target


def npm(name, files, out):
    target = out / f"{name}-{version()}.tgz"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data, mode in files:
            info = tarfile.TarInfo(f"package/{path}")
            info.size, info.mode = len(data), mode
            archive.addfile(info, io.BytesIO(data))
    with open(target, "wb") as file:
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
            packed.write(raw.getvalue())
    return target


def manifest(name, **more):
    base = {"name": name, "version": version(), "description": SUMMARY, "license": LICENSE}
    return (json.dumps({**base, **more}, indent=2) + "\n").encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--platform", choices=sorted(PLATFORMS), required=True)
    args = parser.parse_args()
    binary = args.binary.read_bytes()
    args.out.mkdir(parents=True, exist_ok=True)
    system, processor, _ = PLATFORMS[args.platform]
    exe = "surefix.exe" if system == "win32" else "surefix"
    part = f"surefix-{args.platform}"
    made = [
        wheel(binary, args.out, args.platform),
        npm(part, [("package.json", manifest(part, os=[system], cpu=[processor]), 0o644), (f"bin/{exe}", binary, 0o755)], args.out),
        npm(
            "surefix",
            [
                (
                    "package.json",
                    manifest(
                        "surefix",
                        bin={"surefix": "bin/surefix.js"},
                        engines={"node": ">=16"},
                        optionalDependencies={f"surefix-{p}": version() for p in sorted(PLATFORMS)},
                    ),
                    0o644,
                ),
                ("bin/surefix.js", LAUNCHER.encode(), 0o755),
            ],
            args.out,
        ),
    ]
    for path in made:
        print(path)


if __name__ == "__main__":
    main()
