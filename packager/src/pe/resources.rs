//! The resources of an executable: a tree of types, names and languages.

use super::bytes::{slice, u16_at, u32_at};
use super::headers::directory;
use super::{Headers, PeError};
use std::collections::BTreeMap;
use std::fmt;

/// Numbers of the types that Windows knows.
pub mod kind {
    /// One image of an icon.
    pub const ICON: u32 = 3;
    /// Anything.
    pub const RCDATA: u32 = 10;
    /// An icon: which images it has.
    pub const GROUP_ICON: u32 = 14;
    /// Version, name and company.
    pub const VERSION: u32 = 16;
    /// The manifest.
    pub const MANIFEST: u32 = 24;
}

/// How a type or a resource is called. Windows wants names before numbers, each in order, and finds them by halving:
/// this type's order is that order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// UTF-16, at most 65535 units.
    Name(Vec<u16>),
    /// A number below 2^31.
    Number(u32),
}

impl Id {
    /// A name, in capitals: Windows looks for names in capitals alone.
    #[must_use]
    pub fn name(text: &str) -> Self {
        Self::Name(text.to_uppercase().encode_utf16().take(0xffff).collect())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{}", String::from_utf16_lossy(name)),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// A language's number: 0 is none, 1033 American English.
pub type Language = u32;

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// Its bytes.
    pub data: Vec<u8>,
    /// Code page of texts in it; usually 0.
    pub code_page: u32,
}

/// All resources of an executable, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources(pub BTreeMap<(Id, Id, Language), Resource>);

/// Bytes of a directory's head, and of an entry.
const HEAD: usize = 16;
const ENTRY: usize = 8;
/// Set where an entry leads to another directory, or is called by name.
const FLAG: u32 = 1 << 31;
/// Enough for any program; a table that names more is made to hurt.
const MAX_ENTRIES: usize = 1 << 16;

impl Resources {
    /// The resources in `file`; none where it has none.
    ///
    /// # Errors
    /// When it is no Windows executable, or the tree cannot be.
    pub fn parse(file: &[u8]) -> Result<Self, PeError> {
        let headers = Headers::parse(file)?;
        let Some((address, _)) = headers.directory(directory::RESOURCES) else {
            return Ok(Self::default());
        };
        let tree = headers.memory(file, address).ok_or_else(|| {
            PeError::invalid("resource directory", "it is outside of all sections")
        })?;
        let mut reading = Reading {
            file,
            headers: &headers,
            tree,
            entries: 0,
            bytes: 0,
            found: Self::default(),
        };
        reading.tree()?;
        Ok(reading.found)
    }

    /// The resources of a type, by name and language.
    pub fn of_kind(&self, kind: u32) -> impl Iterator<Item = (&Id, Language, &Resource)> {
        let kind = Id::Number(kind);
        self.0
            .iter()
            .filter(move |((of, _, _), _)| *of == kind)
            .map(|((_, name, language), resource)| (name, *language, resource))
    }

    /// Puts one in, in place of one that is called the same.
    pub fn insert(&mut self, kind: u32, name: Id, language: Language, data: Vec<u8>) {
        let resource = Resource { data, code_page: 0 };
        self.0.insert((Id::Number(kind), name, language), resource);
    }

    /// Takes out those of a type that `which` chooses.
    pub fn remove(&mut self, kind: u32, which: impl Fn(&Id) -> bool) {
        let kind = Id::Number(kind);
        self.0
            .retain(|(of, name, _), _| *of != kind || !which(name));
    }

    /// The tree as it is in a file, in a section at `address`: directories, their leaves, names, and the data, each on
    /// a multiple of 8.
    ///
    /// # Errors
    /// When it is too large for the format.
    pub fn encode(&self, address: u32) -> Result<Vec<u8>, PeError> {
        Tree::of(self).encode(address)
    }
}

/// What is known while a tree is read.
struct Reading<'a> {
    file: &'a [u8],
    headers: &'a Headers,
    tree: &'a [u8],
    entries: usize,
    bytes: usize,
    found: Resources,
}

impl Reading<'_> {
    fn tree(&mut self) -> Result<(), PeError> {
        for (kind, names) in self.directory(0)? {
            for (name, languages) in self.directory(Self::below(names)?)? {
                for (language, leaf) in self.directory(Self::below(languages)?)? {
                    let Id::Number(language) = language else {
                        return Err(wrong("a language is a text"));
                    };
                    let resource = self.leaf(leaf)?;
                    self.found
                        .0
                        .insert((kind.clone(), name.clone(), language), resource);
                }
            }
        }
        Ok(())
    }

    /// The entries of the directory at `at`, with where each leads.
    fn directory(&mut self, at: usize) -> Result<Vec<(Id, u32)>, PeError> {
        let cut = |at: usize| PeError::truncated("resource directory", at as u64);
        let count = |at| u16_at(self.tree, at).ok_or_else(|| cut(at));
        let count = usize::from(count(at + 12)?) + usize::from(count(at + 14)?);
        self.entries += count;
        if self.entries > MAX_ENTRIES {
            return Err(wrong("it names more than 65536 resources"));
        }
        let entry = |index| {
            let at = at + HEAD + ENTRY * index;
            let long = |at| u32_at(self.tree, at).ok_or_else(|| cut(at));
            let id = match long(at)? {
                number if number & FLAG == 0 => Id::Number(number),
                place => Id::Name(self.name((place & !FLAG) as usize)?),
            };
            Ok((id, long(at + 4)?))
        };
        (0..count).map(entry).collect()
    }

    fn name(&self, at: usize) -> Result<Vec<u16>, PeError> {
        let name = u16_at(self.tree, at)
            .and_then(|length| slice(self.tree, at + 2, 2 * usize::from(length)))
            .ok_or_else(|| PeError::truncated("name of a resource", at as u64))?;
        let units = name.as_chunks::<2>().0.iter();
        Ok(units.map(|unit| u16::from_le_bytes(*unit)).collect())
    }

    /// Types lead to names, names to languages.
    fn below(place: u32) -> Result<usize, PeError> {
        match place & FLAG {
            0 => Err(wrong("it is not three levels deep")),
            _ => Ok((place & !FLAG) as usize),
        }
    }

    fn leaf(&mut self, at: u32) -> Result<Resource, PeError> {
        if at & FLAG != 0 {
            return Err(wrong("it is more than three levels deep"));
        }
        let long = |offset: usize| {
            let at = (at as usize).saturating_add(offset);
            u32_at(self.tree, at).ok_or_else(|| PeError::truncated("resource", at as u64))
        };
        let (address, size, code_page) = (long(0)?, long(4)? as usize, long(8)?);
        let data = self.headers.memory(self.file, address);
        let data = data.and_then(|data| data.get(..size)).ok_or_else(|| {
            wrong(format!(
                "{size} bytes at address {address:#x} are in no section"
            ))
        })?;
        self.bytes += size;
        if self.bytes > self.file.len().saturating_mul(2) {
            return Err(wrong("its resources overlap"));
        }
        Ok(Resource {
            data: data.to_vec(),
            code_page,
        })
    }
}

fn wrong(why: impl Into<String>) -> PeError {
    PeError::invalid("resource directory", why)
}

/// The resources of one type by name, each in its languages.
type Names<'a> = BTreeMap<&'a Id, Vec<(Language, &'a Resource)>>;

/// The tree, level by level, with the places of all parts.
struct Tree<'a> {
    kinds: BTreeMap<&'a Id, Names<'a>>,
}

impl<'a> Tree<'a> {
    fn of(resources: &'a Resources) -> Self {
        let mut kinds: BTreeMap<_, Names<'a>> = BTreeMap::new();
        for ((kind, name, language), resource) in &resources.0 {
            let names = kinds.entry(kind).or_default();
            names.entry(name).or_default().push((*language, resource));
        }
        Self { kinds }
    }

    fn encode(&self, address: u32) -> Result<Vec<u8>, PeError> {
        let names = || self.kinds.values().flat_map(BTreeMap::keys).copied();
        let groups = || self.kinds.values().flat_map(BTreeMap::values);
        let leaves = || groups().flatten().map(|(_, resource)| *resource);
        let directory = |entries: usize| HEAD + ENTRY * entries;

        // Places: the root, a directory for each type, one for each name, a leaf of 16 bytes for each language.
        let kinds_at = directory(self.kinds.len());
        let names_at = kinds_at
            + self
                .kinds
                .values()
                .map(|k| directory(k.len()))
                .sum::<usize>();
        let leaves_at = names_at + groups().map(|g| directory(g.len())).sum::<usize>();
        let texts_at = leaves_at + 16 * leaves().count();
        let texts = Texts::of(self.kinds.keys().copied().chain(names()), texts_at);
        let data_at = (texts_at + texts.bytes.len()).next_multiple_of(8);

        let mut out = Vec::with_capacity(data_at);
        let (mut at_kind, mut at_name, mut at_leaf) = (kinds_at, names_at, leaves_at);
        head(&mut out, self.kinds.keys().copied())?;
        for (kind, names) in &self.kinds {
            entry(&mut out, texts.id(kind), below(at_kind)?);
            at_kind += directory(names.len());
        }
        for names in self.kinds.values() {
            head(&mut out, names.keys().copied())?;
            for (name, languages) in names {
                entry(&mut out, texts.id(name), below(at_name)?);
                at_name += directory(languages.len());
            }
        }
        for languages in groups() {
            let ids: Vec<Id> = languages.iter().map(|(l, _)| Id::Number(*l)).collect();
            head(&mut out, ids.iter())?;
            for (language, _) in languages {
                entry(&mut out, *language, below(at_leaf)? & !FLAG);
                at_leaf += 16;
            }
        }
        let mut at_data = data_at;
        for resource in leaves() {
            let place = small(at_data)?.checked_add(address).ok_or(TOO_LARGE)?;
            for word in [place, small(resource.data.len())?, resource.code_page, 0] {
                out.extend(word.to_le_bytes());
            }
            at_data = (at_data + resource.data.len()).next_multiple_of(8);
        }
        out.extend(&texts.bytes);
        for resource in leaves() {
            out.resize(out.len().next_multiple_of(8), 0);
            out.extend(&resource.data);
        }
        Ok(out)
    }
}

/// The names, one behind the other.
struct Texts<'a> {
    bytes: Vec<u8>,
    places: BTreeMap<&'a [u16], usize>,
}

impl<'a> Texts<'a> {
    fn of(ids: impl Iterator<Item = &'a Id>, start: usize) -> Self {
        let mut texts = Self {
            bytes: Vec::new(),
            places: BTreeMap::new(),
        };
        for id in ids {
            if let Id::Name(name) = id
                && !texts.places.contains_key(name.as_slice())
            {
                texts.places.insert(name, start + texts.bytes.len());
                let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
                texts.bytes.extend(length.to_le_bytes());
                let units = name.iter().take(length.into());
                texts
                    .bytes
                    .extend(units.flat_map(|unit| unit.to_le_bytes()));
            }
        }
        texts
    }

    /// What an entry has for `id`.
    fn id(&self, id: &Id) -> u32 {
        match id {
            Id::Number(number) => number & !FLAG,
            // Encoding has failed before a place needs more than 31 bits.
            Id::Name(name) => {
                let place = self.places.get(name.as_slice()).copied().unwrap_or(0);
                FLAG | u32::try_from(place).unwrap_or(0)
            }
        }
    }
}

const TOO_LARGE: PeError = PeError::NoRoom("the resources are larger than 2 GB");

fn small(number: usize) -> Result<u32, PeError> {
    u32::try_from(number)
        .ok()
        .filter(|number| number & FLAG == 0)
        .ok_or(TOO_LARGE)
}

fn below(at: usize) -> Result<u32, PeError> {
    small(at).map(|at| at | FLAG)
}

/// A directory's head; entries follow.
fn head<'a>(out: &mut Vec<u8>, ids: impl Iterator<Item = &'a Id>) -> Result<(), PeError> {
    let (mut named, mut numbered) = (0_usize, 0_usize);
    for id in ids {
        match id {
            Id::Name(_) => named += 1,
            Id::Number(_) => numbered += 1,
        }
    }
    let count = |number| {
        u16::try_from(number)
            .map_err(|_| PeError::NoRoom("there are more than 65535 resources of a type"))
    };
    out.extend([0; 12]);
    out.extend(count(named)?.to_le_bytes());
    out.extend(count(numbered)?.to_le_bytes());
    Ok(())
}

fn entry(out: &mut Vec<u8>, id: u32, place: u32) {
    out.extend(id.to_le_bytes());
    out.extend(place.to_le_bytes());
}
