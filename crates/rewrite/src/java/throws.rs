//! Which checked exceptions may be thrown at a place.

use super::{JavaCx, is_method_like};
use surefix_syntax::java;
use surefix_text::Span;
use tree_sitter::Node;

/// Exception and direct superclass, for the exceptions that fixes throw and that code around them declares or catches.
const SUPERS: &[(&str, &str)] = &[
    ("java.io.IOException", "java.lang.Exception"),
    ("java.io.FileNotFoundException", "java.io.IOException"),
    ("java.io.UnsupportedEncodingException", "java.io.IOException"),
    ("java.io.ObjectStreamException", "java.io.IOException"),
    ("java.io.InvalidClassException", "java.io.ObjectStreamException"),
    ("java.io.InvalidObjectException", "java.io.ObjectStreamException"),
    ("java.net.MalformedURLException", "java.io.IOException"),
    ("java.net.UnknownHostException", "java.io.IOException"),
    ("java.net.URISyntaxException", "java.lang.Exception"),
    ("java.nio.file.FileSystemException", "java.io.IOException"),
    ("java.nio.file.NoSuchFileException", "java.nio.file.FileSystemException"),
    ("java.nio.file.AccessDeniedException", "java.nio.file.FileSystemException"),
    ("java.util.zip.ZipException", "java.io.IOException"),
    ("java.sql.SQLException", "java.lang.Exception"),
    ("java.security.GeneralSecurityException", "java.lang.Exception"),
    ("java.security.NoSuchAlgorithmException", "java.security.GeneralSecurityException"),
    ("java.security.NoSuchProviderException", "java.security.GeneralSecurityException"),
    ("java.security.KeyException", "java.security.GeneralSecurityException"),
    ("java.security.InvalidKeyException", "java.security.KeyException"),
    ("java.security.InvalidAlgorithmParameterException", "java.security.GeneralSecurityException"),
    ("javax.crypto.NoSuchPaddingException", "java.security.GeneralSecurityException"),
    ("javax.crypto.BadPaddingException", "java.security.GeneralSecurityException"),
    ("javax.crypto.IllegalBlockSizeException", "java.security.GeneralSecurityException"),
    ("javax.naming.NamingException", "java.lang.Exception"),
    ("javax.servlet.ServletException", "java.lang.Exception"),
    ("jakarta.servlet.ServletException", "java.lang.Exception"),
    ("javax.xml.parsers.ParserConfigurationException", "java.lang.Exception"),
    ("javax.xml.transform.TransformerException", "java.lang.Exception"),
    ("javax.xml.transform.TransformerConfigurationException", "javax.xml.transform.TransformerException"),
    ("javax.xml.xpath.XPathException", "java.lang.Exception"),
    ("javax.xml.xpath.XPathExpressionException", "javax.xml.xpath.XPathException"),
    ("org.xml.sax.SAXException", "java.lang.Exception"),
    ("org.xml.sax.SAXNotRecognizedException", "org.xml.sax.SAXException"),
    ("org.xml.sax.SAXNotSupportedException", "org.xml.sax.SAXException"),
    ("javax.script.ScriptException", "java.lang.Exception"),
    ("java.lang.ReflectiveOperationException", "java.lang.Exception"),
    ("java.lang.ClassNotFoundException", "java.lang.ReflectiveOperationException"),
    ("java.lang.NoSuchMethodException", "java.lang.ReflectiveOperationException"),
    ("java.lang.IllegalAccessException", "java.lang.ReflectiveOperationException"),
    ("java.lang.InstantiationException", "java.lang.ReflectiveOperationException"),
    ("java.lang.InterruptedException", "java.lang.Exception"),
    ("java.lang.CloneNotSupportedException", "java.lang.Exception"),
    ("java.text.ParseException", "java.lang.Exception"),
    ("java.lang.Exception", "java.lang.Throwable"),
];

/// Unchecked exceptions that fixes throw.
const UNCHECKED: &[&str] = &[
    "java.lang.RuntimeException",
    "java.lang.Error",
    "java.lang.IllegalArgumentException",
    "java.lang.IllegalStateException",
    "java.lang.SecurityException",
    "java.lang.NumberFormatException",
    "java.lang.NullPointerException",
    "java.lang.UnsupportedOperationException",
    "java.lang.ExceptionInInitializerError",
    "java.io.UncheckedIOException",
    "java.nio.file.InvalidPathException",
    "javax.xml.stream.FactoryConfigurationError",
];

/// The type and its superclasses up to `Throwable`; an unknown checked exception is taken to extend `Exception`.
fn line_of(qualified: &str) -> Vec<&str> {
    let mut line = vec![qualified];
    let mut at = qualified;
    while line.len() < 16 {
        let next = SUPERS.iter().find(|(t, _)| *t == at).map(|(_, s)| *s);
        let Some(next) = next else { break };
        line.push(next);
        at = next;
    }
    for root in ["java.lang.Exception", "java.lang.Throwable"] {
        if !line.contains(&root) {
            line.push(root);
        }
    }
    line
}

impl JavaCx<'_> {
    /// True when code at `span` may throw `exception` (`java.sql.SQLException`): it is unchecked, or an enclosing `try` catches
    /// it or a superclass, or the method declares one of these. False in lambdas, initialisers and where it is not known.
    pub fn can_throw(&self, span: Span, exception: &str) -> bool {
        if UNCHECKED.contains(&exception) {
            return true;
        }
        let line = line_of(exception);
        let Some(mut node) = self.covering(span) else { return false };
        loop {
            let Some(parent) = node.parent() else { return false };
            match parent.kind() {
                "try_statement" | "try_with_resources_statement" => {
                    let tried = matches!(node.kind(), "block" | "resource_specification");
                    if tried && self.catches(parent, &line) {
                        return true;
                    }
                }
                "lambda_expression" | "class_body" if node.kind() != "method_declaration" => {
                    let member = is_method_like(node.kind());
                    if !member {
                        return false;
                    }
                }
                _ => {}
            }
            if is_method_like(parent.kind()) {
                let mut cursor = parent.walk();
                let throws = parent.children(&mut cursor).find(|c| c.kind() == "throws");
                return throws.is_some_and(|t| self.names_one_of(t, &line));
            }
            node = parent;
        }
    }

    /// The first of `exceptions` that can be thrown at `span`; the last one if none can (callers end the list with an unchecked
    /// one).
    pub fn throwable_at<'e>(&self, span: Span, exceptions: &[&'e str]) -> &'e str {
        let fits = exceptions.iter().find(|e| self.can_throw(span, e)).or(exceptions.last());
        fits.copied().unwrap_or("java.lang.IllegalArgumentException")
    }

    /// True when a `catch` of an enclosing `try` (inside the same method) takes `exception` or a superclass: throwing it at `span`
    /// would not leave the method.
    pub fn is_caught(&self, span: Span, exception: &str) -> bool {
        let mut line = line_of(exception);
        if UNCHECKED.contains(&exception) {
            line.push("java.lang.RuntimeException");
        }
        let Some(mut node) = self.covering(span) else { return false };
        while let Some(parent) = node.parent().filter(|p| !is_method_like(p.kind()) && p.kind() != "lambda_expression")
        {
            let tried = matches!(node.kind(), "block" | "resource_specification") && parent.kind().starts_with("try_");
            if tried && self.catches(parent, &line) {
                return true;
            }
            node = parent;
        }
        false
    }

    fn catches(&self, node: Node<'_>, line: &[&str]) -> bool {
        let mut cursor = node.walk();
        node.named_children(&mut cursor).filter(|c| c.kind() == "catch_clause").any(|clause| {
            let mut found = false;
            java::walk(clause, &mut |n| {
                if n.kind() == "catch_type" {
                    found |= self.names_one_of(n, line);
                }
                n.kind() != "block"
            });
            found
        })
    }

    /// True when one of the types listed in `node` is one of `line`.
    fn names_one_of(&self, node: Node<'_>, line: &[&str]) -> bool {
        let mut cursor = node.walk();
        node.named_children(&mut cursor).any(|n| {
            let name: String = self.node_text(n).split_whitespace().collect();
            line.iter().any(|l| self.means_type(&name, l))
        })
    }
}
