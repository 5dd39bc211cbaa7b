//! Reads what the check needs of a class file: its name, supertypes, methods and fields.

use anyhow::{Context, Result, bail};

/// `ACC_PRIVATE`.
const PRIVATE: u16 = 0x0002;
/// `ACC_STATIC`.
const STATIC: u16 = 0x0008;
/// `ACC_VARARGS`.
const VARARGS: u16 = 0x0080;
/// `ACC_ANNOTATION` of a class.
const ANNOTATION: u16 = 0x2000;

/// A class, interface or annotation.
#[derive(Debug)]
pub(crate) struct Class {
    /// Flags of the class.
    flags: u16,
    /// Internal names of superclass and interfaces.
    pub supers: Vec<String>,
    /// Methods and fields that are not private.
    pub members: Vec<Member>,
}

impl Class {
    /// True for an annotation type.
    pub fn is_annotation(&self) -> bool {
        self.flags & ANNOTATION != 0
    }
}

/// A method, constructor or field.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its name; `<init>` for constructors.
    pub name: String,
    /// Parameter types; `None` for a field.
    pub params: Option<Vec<Type>>,
    /// Type of the result or the field.
    pub ret: Type,
    flags: u16,
}

impl Member {
    /// Has no receiver.
    pub fn is_static(&self) -> bool {
        self.flags & STATIC != 0
    }
    /// Its last parameter takes any number of arguments.
    pub fn is_varargs(&self) -> bool {
        self.params.is_some() && self.flags & VARARGS != 0
    }
    /// As a person would write it: `query(String, RowMapper)`.
    pub fn signature(&self) -> String {
        match &self.params {
            None => self.name.clone(),
            Some(p) => format!("{}({})", self.name, p.iter().map(Type::simple).collect::<Vec<_>>().join(",")),
        }
    }
}

/// An erased type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    /// Internal name of a class (`java/lang/String`), or a primitive's name.
    pub name: String,
    /// Array dimensions.
    pub dims: usize,
}

impl Type {
    /// The name without package and outer classes, with brackets.
    pub fn simple(&self) -> String {
        let s = self.name.rsplit(['/', '$']).next().unwrap_or(&self.name);
        format!("{s}{}", "[]".repeat(self.dims))
    }
}

/// Bytes of a class file with a place in them.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, n: usize) -> Result<&'b [u8]> {
        let end = self.at.checked_add(n).context("length overflows")?;
        let out = self.bytes.get(self.at..end).context("class file ends too early")?;
        self.at = end;
        Ok(out)
    }
    fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?.first().copied().unwrap_or(0))
    }
    fn u16(&mut self) -> Result<u16> {
        Ok(self.take(2)?.iter().fold(0, |n, b| n << 8 | u16::from(*b)))
    }
    fn u32(&mut self) -> Result<u32> {
        Ok(self.take(4)?.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    }
}

enum Constant {
    Text(String),
    /// Index of the text with the name.
    Class(u16),
    Other,
}

struct Pool(Vec<Constant>);

impl Pool {
    fn read(r: &mut Reader<'_>) -> Result<Pool> {
        let count = usize::from(r.u16()?);
        let mut pool = vec![Constant::Other];
        while pool.len() < count {
            let tag = r.u8()?;
            let (constant, slots) = match tag {
                1 => {
                    let len = usize::from(r.u16()?);
                    (Constant::Text(String::from_utf8_lossy(r.take(len)?).into_owned()), 1)
                }
                7 => (Constant::Class(r.u16()?), 1),
                8 | 16 | 19 | 20 => (r.take(2).map(|_| Constant::Other)?, 1),
                15 => (r.take(3).map(|_| Constant::Other)?, 1),
                3 | 4 | 9..=12 | 17 | 18 => (r.take(4).map(|_| Constant::Other)?, 1),
                // Long and double take two places.
                5 | 6 => (r.take(8).map(|_| Constant::Other)?, 2),
                _ => bail!("unknown constant {tag}"),
            };
            pool.push(constant);
            if slots == 2 {
                pool.push(Constant::Other);
            }
        }
        Ok(Pool(pool))
    }
    fn text(&self, n: u16) -> Result<&str> {
        match self.0.get(usize::from(n)) {
            Some(Constant::Text(t)) => Ok(t),
            _ => bail!("constant {n} is no text"),
        }
    }
    fn class(&self, n: u16) -> Result<&str> {
        match self.0.get(usize::from(n)) {
            Some(Constant::Class(t)) => self.text(*t),
            _ => bail!("constant {n} is no class"),
        }
    }
}

/// Reads a class file.
pub(crate) fn read(bytes: &[u8]) -> Result<Class> {
    let mut r = Reader { bytes, at: 0 };
    if r.u32()? != 0xCAFE_BABE {
        bail!("no class file");
    }
    r.take(4)?;
    let pool = Pool::read(&mut r)?;
    let (flags, _this, superclass) = (r.u16()?, r.u16()?, r.u16()?);
    let mut supers = Vec::new();
    if superclass != 0 {
        supers.push(pool.class(superclass)?.to_string());
    }
    for _ in 0..r.u16()? {
        supers.push(pool.class(r.u16()?)?.to_string());
    }
    let mut members = Vec::new();
    for methods in [false, true] {
        for _ in 0..r.u16()? {
            let (flags, name, descriptor) = (r.u16()?, r.u16()?, r.u16()?);
            for _ in 0..r.u16()? {
                r.take(2)?;
                let len = r.u32()?;
                r.take(len as usize)?;
            }
            if flags & PRIVATE != 0 {
                continue;
            }
            let (params, ret) = descriptor_types(pool.text(descriptor)?)?;
            let params = methods.then_some(params);
            members.push(Member { name: pool.text(name)?.to_string(), params, ret, flags });
        }
    }
    Ok(Class { flags, supers, members })
}

/// Types of a descriptor: parameters (none for a field) and result.
fn descriptor_types(text: &str) -> Result<(Vec<Type>, Type)> {
    let mut rest = text;
    let mut params = Vec::new();
    if let Some(inner) = rest.strip_prefix('(') {
        rest = inner;
        while !rest.starts_with(')') {
            let (t, after) = one_type(rest).with_context(|| format!("descriptor {text}"))?;
            params.push(t);
            rest = after;
        }
        rest = rest.strip_prefix(')').unwrap_or(rest);
    }
    let (ret, _) = one_type(rest).with_context(|| format!("descriptor {text}"))?;
    Ok((params, ret))
}

fn one_type(text: &str) -> Option<(Type, &str)> {
    let plain = text.trim_start_matches('[');
    let dims = text.len() - plain.len();
    if let Some(class) = plain.strip_prefix('L') {
        let (name, rest) = class.split_once(';')?;
        return Some((Type { name: name.to_string(), dims }, rest));
    }
    let mut chars = plain.chars();
    let name = match chars.next()? {
        'B' => "byte",
        'C' => "char",
        'D' => "double",
        'F' => "float",
        'I' => "int",
        'J' => "long",
        'S' => "short",
        'Z' => "boolean",
        'V' => "void",
        _ => return None,
    };
    Some((Type { name: name.to_string(), dims }, chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u2(n: u16) -> [u8; 2] {
        n.to_be_bytes()
    }

    /// A class file with one constant of each size, one private field and one method with varargs.
    fn sample() -> Vec<u8> {
        let mut b = vec![0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 61];
        let texts = ["p/Sub", "p/Sup", "p/Face", "run", "(I[Ljava/lang/String;)Lp/Out$In;", "x", "J"];
        // texts 1..=7, classes 8..=10, a long at 11 and 12
        b.extend(u2(13));
        for t in texts {
            b.push(1);
            b.extend(u2(t.len() as u16));
            b.extend(t.as_bytes());
        }
        for n in 1..=3 {
            b.push(7);
            b.extend(u2(n));
        }
        b.push(5);
        b.extend([0; 8]);
        for n in [0x21, 8, 9, 1, 10] {
            b.extend(u2(n));
        }
        // One private field with an attribute of three bytes, one method.
        for n in [1, PRIVATE, 6, 7, 1, 4] {
            b.extend(u2(n));
        }
        b.extend([0, 0, 0, 3, 1, 2, 3]);
        for n in [1, STATIC | VARARGS, 4, 5, 0] {
            b.extend(u2(n));
        }
        b
    }

    #[test]
    fn reads_supertypes_and_members() {
        let c = read(&sample()).unwrap();
        assert_eq!(c.supers, ["p/Sup", "p/Face"]);
        assert!(!c.is_annotation());
        let [m] = c.members.as_slice() else { panic!("the private field is left out: {:?}", c.members) };
        assert_eq!(m.signature(), "run(int,String[])");
        assert_eq!((m.ret.name.as_str(), m.ret.simple().as_str()), ("p/Out$In", "In"));
        assert!(m.is_static() && m.is_varargs());
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let all = sample();
        for n in 0..all.len() {
            assert!(read(&all[..n]).is_err(), "cut at {n}");
        }
    }
}
