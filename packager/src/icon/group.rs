//! Icons in executables: a resource that lists the images of an icon, and one for each image.

use super::container::entry;
use super::{Icon, IconError, Image, Mistake};
use crate::pe::bytes::u16_at;
use crate::pe::{Id, Resources, kind};
use std::collections::BTreeSet;

const HEAD: usize = 6;
const ENTRY: usize = 14;
const MAX_IMAGES: usize = 256;
/// Qt gives windows without an icon of their own the executable's icon of this name.
const OF_QT: &str = "IDI_ICON1";

/// An icon of an executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What it is called: names come before numbers.
    pub name: Id,
    /// The icon.
    pub icon: Icon,
}

/// The icons among `resources`, in the order of their names: Explorer shows the first.
///
/// # Errors
/// When one of them cannot be.
pub fn groups(resources: &Resources) -> Result<Vec<Group>, IconError> {
    let mut groups: Vec<Group> = Vec::new();
    let mut total = 0;
    for (name, _, resource) in resources.of_kind(kind::GROUP_ICON) {
        // The same icon in another language.
        if groups.last().is_some_and(|group| group.name == *name) {
            continue;
        }
        let icon = icon(&resource.data, resources, &mut total)?;
        let name = name.clone();
        groups.push(Group { name, icon });
    }
    Ok(groups)
}

fn icon(list: &[u8], resources: &Resources, total: &mut usize) -> Result<Icon, IconError> {
    let cut = |what, needed: usize| {
        IconError::List(Mistake::Cut {
            what,
            needed: needed as u64,
            there: list.len() as u64,
        })
    };
    let count = u16_at(list, 4).ok_or_else(|| cut("its beginning", HEAD))?;
    let count = usize::from(count);
    *total += count;
    match *total {
        0 => return Err(IconError::List(Mistake::NoImages)),
        1..=MAX_IMAGES => {}
        more if count <= MAX_IMAGES && more <= 16 * MAX_IMAGES => {}
        more => return Err(IconError::List(Mistake::TooManyImages(more))),
    }
    if list.len() < HEAD + ENTRY * count {
        return Err(cut("the list", HEAD + ENTRY * count));
    }
    let mut images = Vec::with_capacity(count);
    for index in 0..count {
        let number = u16_at(list, HEAD + ENTRY * index + 12).unwrap_or_default();
        let id = Id::Number(number.into());
        let found = resources
            .of_kind(kind::ICON)
            .find(|(name, _, _)| **name == id);
        let wrong = |mistake| IconError::Image {
            number: index + 1,
            count,
            mistake,
        };
        let (_, _, resource) = found.ok_or_else(|| wrong(Mistake::NoSuchImage(number)))?;
        images.push(Image::of(resource.data.clone()).map_err(wrong)?);
    }
    Ok(Icon { images })
}

/// Puts `icons` in, in place of those that are there, so that Explorer shows the first of them. It is there twice, with the
/// same images: by the number 1 and by the name that Qt looks for. Icons for which `keep` holds stay, behind these.
pub fn put_groups(resources: &mut Resources, icons: &[Icon], keep: impl Fn(&Id) -> bool) {
    if icons.is_empty() {
        return;
    }
    let dropped: Vec<Id> = names(resources, kind::GROUP_ICON)
        .filter(|name| !keep(name))
        .collect();
    resources.remove(kind::GROUP_ICON, |name| dropped.contains(name));
    let named = images_of(resources);
    resources.remove(kind::ICON, |name| !named.contains(name));

    let kept: Vec<Id> = names(resources, kind::GROUP_ICON).collect();
    // Numbers stand behind names, so a name that begins with `!` stands before nearly all.
    let behind = |count: u32| kept.iter().any(|id| *id <= Id::Number(count));
    let count = u32::try_from(icons.len()).unwrap_or(u32::MAX);
    let by_name = behind(count);
    let mut numbers = 1_u32..;
    for (index, icon) in (1_u32..).zip(icons) {
        let mut list = vec![0, 0, 1, 0];
        list.extend(
            u16::try_from(icon.images.len())
                .unwrap_or(u16::MAX)
                .to_le_bytes(),
        );
        for image in &icon.images {
            let free = |number: &u32| !named.contains(&Id::Number(*number));
            let number = numbers.find(free).unwrap_or_default();
            list.extend(entry(image));
            list.extend(u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes());
            resources.insert(kind::ICON, Id::Number(number), 0, image.data.clone());
        }
        let name = if by_name {
            Id::name(&format!("!{index:04}"))
        } else {
            Id::Number(index)
        };
        if index == 1 && !kept.contains(&Id::name(OF_QT)) {
            resources.insert(kind::GROUP_ICON, Id::name(OF_QT), 0, list.clone());
        }
        resources.insert(kind::GROUP_ICON, name, 0, list);
    }
}

fn names(resources: &Resources, of: u32) -> impl Iterator<Item = Id> {
    resources.of_kind(of).map(|(name, _, _)| name.clone())
}

/// The images that the remaining icons use.
fn images_of(resources: &Resources) -> BTreeSet<Id> {
    let lists = resources.of_kind(kind::GROUP_ICON);
    let entries = lists.flat_map(|(_, _, list)| {
        let entries = list.data.get(HEAD..).unwrap_or_default();
        entries
            .chunks_exact(ENTRY)
            .filter_map(|entry| u16_at(entry, 12))
    });
    entries.map(|number| Id::Number(number.into())).collect()
}
