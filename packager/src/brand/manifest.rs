//! The manifest: what Windows is to know before it starts the program.

use super::BrandError;
use roxmltree::{Document, Node};
use std::path::Path;

const ASSEMBLY: &str = "urn:schemas-microsoft-com:asm.v1";
const COMMON_CONTROLS: &str = "Microsoft.Windows.Common-Controls";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const DEPENDENCY: &str = "  <dependency>
    <dependentAssembly>
      <assemblyIdentity type=\"win32\" name=\"Microsoft.Windows.Common-Controls\" version=\"6.0.0.0\" \
processorArchitecture=\"*\" publicKeyToken=\"6595b64144ccf1df\" language=\"*\"/>
    </dependentAssembly>
  </dependency>
";
/// Windows 10 and 11, 8.1, 8, 7: without these Windows shows itself as an older one. Paths may be long, texts of the C
/// library are UTF-8, and the program says that it draws sharply on every screen.
const SETTINGS: &str = "  <compatibility xmlns=\"urn:schemas-microsoft-com:compatibility.v1\">
    <application>
      <supportedOS Id=\"{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}\"/>
      <supportedOS Id=\"{1f676c76-80e1-4239-95bb-83d0f6d0da78}\"/>
      <supportedOS Id=\"{4a2f28e3-53b9-4441-ba9c-d69d4a4a6e38}\"/>
      <supportedOS Id=\"{35138b9a-5d96-4fbd-8e2d-a2440225f93a}\"/>
    </application>
  </compatibility>
  <application xmlns=\"urn:schemas-microsoft-com:asm.v3\">
    <windowsSettings>
      <activeCodePage xmlns=\"http://schemas.microsoft.com/SMI/2019/WindowsSettings\">UTF-8</activeCodePage>
      <dpiAware xmlns=\"http://schemas.microsoft.com/SMI/2005/WindowsSettings\">true/pm</dpiAware>
      <dpiAwareness xmlns=\"http://schemas.microsoft.com/SMI/2016/WindowsSettings\">PerMonitorV2, PerMonitor</dpiAwareness>
      <longPathAware xmlns=\"http://schemas.microsoft.com/SMI/2016/WindowsSettings\">true</longPathAware>
    </windowsSettings>
  </application>
";

/// The rights that a program asks for when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// Those of an administrator (`--uac-admin`).
    pub admin: bool,
    /// To work windows of programs with more rights (`--uac-uiaccess`).
    pub ui_access: bool,
}

impl Rights {
    fn level(self) -> &'static str {
        if self.admin {
            "requireAdministrator"
        } else {
            "asInvoker"
        }
    }

    fn trust(self) -> String {
        format!(
            "  <trustInfo xmlns=\"urn:schemas-microsoft-com:asm.v3\">
    <security>
      <requestedPrivileges>
        <requestedExecutionLevel level=\"{}\" uiAccess=\"{}\"/>
      </requestedPrivileges>
    </security>
  </trustInfo>
",
            self.level(),
            self.ui_access
        )
    }
}

/// The manifest of a program without one of its own.
#[must_use]
pub fn default(rights: Rights) -> Vec<u8> {
    let trust = rights.trust();
    let text = format!(
        "{DECLARATION}<assembly xmlns=\"{ASSEMBLY}\" manifestVersion=\"1.0\">\n{trust}{SETTINGS}{DEPENDENCY}</assembly>\n"
    );
    text.into_bytes()
}

/// A manifest of the application's own, as it is but for: the rights that options ask for; `asInvoker` where it names
/// none; the common controls of today where it names none. `path` is for messages.
///
/// # Errors
/// When it is no manifest.
pub fn adapt(bytes: &[u8], path: Option<&Path>, rights: Rights) -> Result<Vec<u8>, BrandError> {
    let wrong = |why: String| BrandError::Manifest {
        path: path.map(Path::to_owned),
        why,
    };
    let text = decode(bytes).ok_or_else(|| wrong("it is neither UTF-8 nor UTF-16".into()))?;
    // It will be UTF-8, whatever it says that it was.
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let text = match text.strip_prefix("<?xml") {
        Some(rest) => rest
            .split_once("?>")
            .map_or(text, |(_, rest)| rest.trim_start()),
        None => text,
    };
    let document = Document::parse(text).map_err(|error| wrong(error.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name((ASSEMBLY, "assembly")) {
        let name = root.tag_name().name();
        return Err(wrong(format!(
            "its outermost element is `{name}`, and must be `assembly` of `{ASSEMBLY}`"
        )));
    }
    let mut edits = Vec::new();
    let mut inserted = String::new();
    match find(root, |node| {
        node.tag_name().name() == "requestedExecutionLevel"
    }) {
        Some(level) => {
            if rights.admin {
                edits.push(attribute(level, "level", rights.level(), text));
            }
            if rights.ui_access {
                edits.push(attribute(level, "uiAccess", "true", text));
            }
        }
        None => inserted += &rights.trust(),
    }
    let is_controls = |node: &Node<'_, '_>| node.attribute("name") == Some(COMMON_CONTROLS);
    if find(root, is_controls).is_none() {
        // Elements without a namespace of their own: one that the root uses a prefix for needs it said.
        let own = format!("<dependency xmlns=\"{ASSEMBLY}\">");
        inserted += &DEPENDENCY.replace("<dependency>", &own);
    }
    let end = root.range().end;
    let close = text[root.range()]
        .rfind("</")
        .map(|at| root.range().start + at);
    let close = close.filter(|at| text[*at..end].trim_end().ends_with('>') && root.has_children());
    let close = close.ok_or_else(|| wrong("there is nothing in it".into()))?;
    edits.push((close, close, inserted));
    edits.sort_by_key(|edit| edit.0);
    let mut out = text.to_owned();
    for (start, stop, new) in edits.into_iter().rev() {
        out.replace_range(start..stop, &new);
    }
    Ok(format!("{DECLARATION}{out}").into_bytes())
}

fn find<'a, 'b>(root: Node<'a, 'b>, is_it: impl Fn(&Node<'a, 'b>) -> bool) -> Option<Node<'a, 'b>> {
    root.descendants().filter(Node::is_element).find(is_it)
}

/// The edit that gives an element's attribute another value.
fn attribute(node: Node<'_, '_>, name: &str, value: &str, text: &str) -> (usize, usize, String) {
    if let Some(found) = node.attribute_node(name) {
        let range = found.range_value();
        return (range.start, range.end, value.to_owned());
    }
    // Behind the element's name.
    let start = node.range().start;
    let length = text[start..].find(|c: char| c.is_whitespace() || matches!(c, '/' | '>'));
    let at = start + length.unwrap_or(1);
    (at, at, format!(" {name}=\"{value}\""))
}

fn decode(bytes: &[u8]) -> Option<String> {
    let units = |from: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| from(*pair)).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty())
    };
    match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}
