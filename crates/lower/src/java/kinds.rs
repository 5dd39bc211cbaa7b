//! Grammar symbols as Rust enums, looked up once per process.

use std::sync::OnceLock;
use tree_sitter::{Language, Node};

macro_rules! kinds {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// Named node kinds the front end distinguishes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum K { Other, Error, $($variant),* }

        fn kind_of(name: &str) -> K {
            match name { $($name => K::$variant,)* _ => K::Other }
        }
    };
}

macro_rules! fields {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// Fields of the grammar that the front end reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum F { $($variant),* }

        const FIELD_NAMES: &[&str] = &[$($name),*];
    };
}

kinds! {
    AnnotatedType "annotated_type", Annotation "annotation", AnnotationTypeBody "annotation_type_body",
    AnnotationTypeDeclaration "annotation_type_declaration",
    AnnotationTypeElement "annotation_type_element_declaration", ArgumentList "argument_list",
    ArrayAccess "array_access", ArrayCreation "array_creation_expression", ArrayInitializer "array_initializer",
    ArrayType "array_type", AssertStatement "assert_statement", Assignment "assignment_expression",
    Asterisk "asterisk", Binary "binary_expression", BinaryInt "binary_integer_literal", Block "block",
    BlockComment "block_comment", BreakStatement "break_statement", Cast "cast_expression",
    CatchClause "catch_clause", CatchParameter "catch_formal_parameter", CatchType "catch_type",
    Char "character_literal", ClassBody "class_body", ClassDeclaration "class_declaration",
    ClassLiteral "class_literal", CompactConstructor "compact_constructor_declaration",
    ConstantDeclaration "constant_declaration", ConstructorBody "constructor_body",
    ConstructorDeclaration "constructor_declaration", ContinueStatement "continue_statement",
    DecimalFloat "decimal_floating_point_literal", DecimalInt "decimal_integer_literal", Dimensions "dimensions",
    DimensionsExpr "dimensions_expr", DoStatement "do_statement",
    ElementArray "element_value_array_initializer", ElementPair "element_value_pair",
    EnhancedFor "enhanced_for_statement", EnumBody "enum_body", EnumBodyDeclarations "enum_body_declarations",
    EnumConstant "enum_constant", EnumDeclaration "enum_declaration", EscapeSequence "escape_sequence",
    ConstructorCall "explicit_constructor_invocation", ExpressionStatement "expression_statement",
    ExtendsInterfaces "extends_interfaces", False "false", FieldAccess "field_access",
    FieldDeclaration "field_declaration", FinallyClause "finally_clause", ForStatement "for_statement",
    FormalParameter "formal_parameter", FormalParameters "formal_parameters", GenericType "generic_type",
    Guard "guard", HexFloat "hex_floating_point_literal", HexInt "hex_integer_literal", Identifier "identifier",
    IfStatement "if_statement", ImportDeclaration "import_declaration", InferredParameters "inferred_parameters",
    Instanceof "instanceof_expression", IntegralType "integral_type", FloatingType "floating_point_type",
    BooleanType "boolean_type", VoidType "void_type", InterfaceBody "interface_body",
    InterfaceDeclaration "interface_declaration", LabeledStatement "labeled_statement", Lambda "lambda_expression",
    LineComment "line_comment", LocalVariable "local_variable_declaration",
    MarkerAnnotation "marker_annotation", MethodDeclaration "method_declaration",
    MethodInvocation "method_invocation", MethodReference "method_reference", Modifiers "modifiers",
    ModuleDeclaration "module_declaration", MultilineFragment "multiline_string_fragment", Null "null_literal",
    ObjectCreation "object_creation_expression", OctalInt "octal_integer_literal",
    PackageDeclaration "package_declaration", Parenthesized "parenthesized_expression", Pattern "pattern",
    ReceiverParameter "receiver_parameter", RecordDeclaration "record_declaration", RecordPattern "record_pattern",
    RecordPatternBody "record_pattern_body", RecordPatternComponent "record_pattern_component",
    Resource "resource", ResourceSpecification "resource_specification", ReturnStatement "return_statement",
    ScopedIdentifier "scoped_identifier", ScopedType "scoped_type_identifier", SpreadParameter "spread_parameter",
    StaticInitializer "static_initializer", StringFragment "string_fragment",
    StringInterpolation "string_interpolation", StringLiteral "string_literal", Super "super",
    SuperInterfaces "super_interfaces", Superclass "superclass", SwitchBlock "switch_block",
    SwitchExpression "switch_expression", SwitchGroup "switch_block_statement_group", SwitchLabel "switch_label",
    SwitchRule "switch_rule", Synchronized "synchronized_statement", Template "template_expression",
    Ternary "ternary_expression", This "this", ThrowStatement "throw_statement", Throws "throws", True "true",
    TryStatement "try_statement", TryWithResources "try_with_resources_statement",
    TypeArguments "type_arguments", TypeIdentifier "type_identifier", TypeList "type_list",
    TypeParameter "type_parameter", TypeParameters "type_parameters", TypePattern "type_pattern",
    Unary "unary_expression", UnderscorePattern "underscore_pattern", Update "update_expression",
    VariableDeclarator "variable_declarator", WhileStatement "while_statement", Wildcard "wildcard",
    YieldStatement "yield_statement",
}

impl K {
    /// True for the spellings of a type.
    pub(super) fn is_type(self) -> bool {
        use K::*;
        matches!(
            self,
            AnnotatedType
                | ArrayType
                | GenericType
                | IntegralType
                | FloatingType
                | BooleanType
                | VoidType
                | ScopedType
                | TypeIdentifier
                | Wildcard
        )
    }

    /// True for type declarations.
    pub(super) fn is_class(self) -> bool {
        use K::*;
        matches!(
            self,
            ClassDeclaration | InterfaceDeclaration | EnumDeclaration | RecordDeclaration | AnnotationTypeDeclaration
        )
    }

    /// True for statements other than type declarations.
    pub(super) fn is_statement(self) -> bool {
        use K::*;
        matches!(
            self,
            AssertStatement
                | Block
                | BreakStatement
                | ContinueStatement
                | DoStatement
                | EnhancedFor
                | ConstructorCall
                | ExpressionStatement
                | ForStatement
                | IfStatement
                | LabeledStatement
                | LocalVariable
                | ReturnStatement
                | SwitchExpression
                | Synchronized
                | ThrowStatement
                | TryStatement
                | TryWithResources
                | WhileStatement
                | YieldStatement
        )
    }

    /// True for expressions.
    pub(super) fn is_expression(self) -> bool {
        use K::*;
        matches!(
            self,
            ArrayAccess
                | ArrayCreation
                | ArrayInitializer
                | Assignment
                | Binary
                | BinaryInt
                | Cast
                | Char
                | ClassLiteral
                | DecimalFloat
                | DecimalInt
                | False
                | FieldAccess
                | HexFloat
                | HexInt
                | Identifier
                | Instanceof
                | Lambda
                | MethodInvocation
                | MethodReference
                | Null
                | ObjectCreation
                | OctalInt
                | Parenthesized
                | StringLiteral
                | SwitchExpression
                | Template
                | Ternary
                | This
                | True
                | Unary
                | Update
        )
    }
}

fields! {
    Alternative "alternative", Arguments "arguments", Array "array", Body "body", Condition "condition",
    Consequence "consequence", Constructor "constructor", Declarator "declarator", Dimensions "dimensions",
    Element "element", Field "field", Index "index", Init "init", Key "key", Left "left", Name "name",
    Object "object", Operand "operand", Operator "operator", Parameters "parameters", Pattern "pattern",
    Resources "resources", Right "right", TemplateArgument "template_argument",
    TemplateProcessor "template_processor", Type "type", TypeParameters "type_parameters", Update "update",
    Value "value",
}

/// The tables of one grammar.
pub(super) struct Tables {
    language: Language,
    kinds: Vec<K>,
    fields: Vec<u16>,
}

impl Tables {
    /// The tables of the Java grammar.
    pub(super) fn java() -> &'static Tables {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(|| {
            let language: Language = tree_sitter_java::LANGUAGE.into();
            let count = u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
            let kinds = (0..count)
                .map(|id| match language.node_kind_for_id(id) {
                    Some(name) if language.node_kind_is_named(id) => kind_of(name),
                    _ => K::Other,
                })
                .collect();
            let fields = FIELD_NAMES.iter().map(|f| language.field_id_for_name(f).map_or(0, |id| id.get())).collect();
            Tables { language, kinds, fields }
        })
    }

    /// The grammar.
    pub(super) fn language(&self) -> &Language {
        &self.language
    }

    /// Kind of `node`.
    pub(super) fn kind(&self, node: Node<'_>) -> K {
        match node.kind_id() {
            u16::MAX => K::Error,
            id => self.kinds.get(id as usize).copied().unwrap_or(K::Other),
        }
    }

    /// Number of `field`, for cursors.
    pub(super) fn field_id(&self, field: F) -> u16 {
        self.fields.get(field as usize).copied().unwrap_or(0)
    }

    /// The child of `node` in `field`.
    pub(super) fn field<'t>(&self, node: Node<'t>, field: F) -> Option<Node<'t>> {
        match self.field_id(field) {
            0 => None,
            id => node.child_by_field_id(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_kind_exists_in_the_grammar() {
        let t = Tables::java();
        for (name, id) in FIELD_NAMES.iter().zip(&t.fields) {
            assert_ne!(*id, 0, "no field {name}");
        }
        let known = t.kinds.iter().filter(|k| **k != K::Other).count();
        assert!(known >= 125, "only {known} kinds found");
    }
}
