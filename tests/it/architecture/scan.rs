//! One source file, reduced to what the rules ask about.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// What the rules need to know of a file.
pub struct Source {
    /// The path below `src`.
    pub name: String,
    /// The module's path in the crate, such as `["http", "dms", "queues"]`; `main.rs` and `lib.rs` are modules too.
    pub module: Vec<String>,
    /// Lines before the tests at its bottom.
    pub lines: usize,
    /// Whether it opens with a comment on itself.
    pub has_docs: bool,
    /// Its functions, those of the tests too.
    pub functions: Vec<Function>,
    /// What its code, without the tests, names: own modules begin with `crate`.
    pub paths: Vec<Vec<String>>,
    /// `todo!`, `unimplemented!` and comments that put something off.
    pub unfinished: Vec<String>,
}

/// A function and its length.
pub struct Function {
    /// Its name.
    pub name: String,
    /// Lines from its signature to its closing brace.
    pub lines: usize,
}

impl Source {
    /// Reads a file's text.
    pub fn read(name: &str, text: &str) -> Self {
        let module: Vec<String> = name
            .trim_end_matches(".rs")
            .trim_end_matches("/mod")
            .split('/')
            .map(str::to_owned)
            .collect();
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let is_test = module.last().is_some_and(|last| last == "tests");
        let mut scan = Scan {
            within: module.clone(),
            tests: usize::from(is_test),
            functions: Vec::new(),
            paths: Vec::new(),
            unfinished: comments_that_put_off(text),
        };
        scan.visit_file(&file);
        let own = |line: &&str| !is_test && !line.starts_with("#[cfg(test)]");
        Self {
            name: name.to_owned(),
            module,
            lines: text.lines().take_while(own).count(),
            has_docs: file
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("doc")),
            functions: scan.functions,
            paths: scan.paths,
            unfinished: scan.unfinished,
        }
    }
}

/// What comments say that put work off, spelt so that a search of the tree finds only those.
const PUT_OFF: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

fn comments_that_put_off(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| {
            line.split_once("//")
                .is_some_and(|(_, comment)| PUT_OFF.iter().any(|word| comment.contains(word)))
        })
        .map(|line| line.trim().to_owned())
        .collect()
}

struct Scan {
    within: Vec<String>,
    /// How many test modules enclose the place.
    tests: usize,
    functions: Vec<Function>,
    paths: Vec<Vec<String>>,
    unfinished: Vec<String>,
}

impl Scan {
    /// Notes a path as the code spells it, from the crate's root where it leads to an own module.
    fn note(&mut self, path: &[String]) {
        if self.tests > 0 {
            return;
        }
        let root = vec!["crate".to_owned()];
        let mut absolute = Vec::new();
        for part in path {
            match part.as_str() {
                "crate" | "rohrpost" if absolute.is_empty() => absolute.clone_from(&root),
                "self" if absolute.is_empty() => absolute = [&root[..], &self.within].concat(),
                "super" => {
                    if absolute.is_empty() {
                        absolute = [&root[..], &self.within].concat();
                    }
                    absolute.pop();
                }
                part => absolute.push(part.to_owned()),
            }
        }
        self.paths.push(absolute);
    }

    fn note_use(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.note_use(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => {
                group
                    .items
                    .iter()
                    .for_each(|tree| self.note_use(tree, before));
            }
            syn::UseTree::Name(syn::UseName { ident })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                before.push(ident.to_string());
                self.note(before);
                before.pop();
            }
            syn::UseTree::Glob(_) => self.note(before),
        }
    }

    /// Notes the paths among a macro's tokens, which nobody has parsed.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons < 2 {
                        self.note(&std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => self.note_tokens(group.stream()),
                _ => colons = 0,
            }
        }
        self.note(&path);
    }

    fn note_function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let last = block.brace_token.span.close().end().line;
        self.functions.push(Function {
            name: signature.ident.to_string(),
            lines: last + 1 - first,
        });
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute
            .path()
            .is_ident("cfg")
            .then(|| attribute.parse_args::<syn::Path>());
        condition
            .is_some_and(|condition| condition.is_ok_and(|condition| condition.is_ident("test")))
    })
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let tests = usize::from(is_for_tests(&module.attrs));
        self.tests += tests;
        self.within.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.within.pop();
        self.tests -= tests;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.note_use(&item.tree, &mut Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.note(&parts.collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.is_ident("todo") || call.path.is_ident("unimplemented") {
            let line = call.span().start().line;
            self.unfinished
                .push(format!("an unfinished branch in line {line}"));
        }
        self.note_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note_function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note_function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.note_function(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
