//! Values that name each other by number: an index and a generation, so that the name of a value that is gone names
//! nothing.

/// A value's name in its [`Arena`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ix {
    at: u32,
    generation: u32,
}

impl Ix {
    /// Where its value stands, or stood.
    pub(super) const fn place(self) -> u32 {
        self.at
    }
}

/// Values by [`Ix`]. Places of removed values are used again.
#[derive(Debug)]
pub(super) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Arena<T> {
    pub(super) fn insert(&mut self, value: T) -> Ix {
        if let Some(at) = self.free.pop() {
            let slot = &mut self.slots[at as usize];
            slot.value = Some(value);
            return Ix { at, generation: slot.generation };
        }
        let at = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot { generation: 0, value: Some(value) });
        Ix { at, generation: 0 }
    }

    pub(super) fn get(&self, ix: Ix) -> Option<&T> {
        self.slots.get(ix.at as usize).filter(|slot| slot.generation == ix.generation)?.value.as_ref()
    }

    pub(super) fn get_mut(&mut self, ix: Ix) -> Option<&mut T> {
        self.slots.get_mut(ix.at as usize).filter(|slot| slot.generation == ix.generation)?.value.as_mut()
    }

    /// The name of the value that stands here now.
    pub(super) fn at(&self, at: u32) -> Option<Ix> {
        let slot = self.slots.get(at as usize)?;
        slot.value.as_ref().map(|_| Ix { at, generation: slot.generation })
    }

    pub(super) fn remove(&mut self, ix: Ix) -> Option<T> {
        let slot = self.slots.get_mut(ix.at as usize).filter(|slot| slot.generation == ix.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(ix.at);
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Ix, &T)> {
        self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            Some((Ix { at, generation: slot.generation }, slot.value.as_ref()?))
        })
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| slot.value.as_mut())
    }

    /// Gives memory back that it does not need soon.
    pub(super) fn fit(&mut self) {
        self.slots.shrink_to_fit();
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<T>>() + self.free.capacity() * size_of::<u32>()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_outlives_its_value_and_names_nothing() {
        let mut arena = Arena::default();
        let (a, b) = (arena.insert("a"), arena.insert("b"));
        assert_eq!(arena.remove(a), Some("a"));
        let c = arena.insert("c");
        assert_eq!((arena.get(a), arena.get(b), arena.get(c)), (None, Some(&"b"), Some(&"c")));
        assert_eq!((a.place(), arena.at(a.place()), arena.at(7)), (c.place(), Some(c), None));
        assert_eq!((arena.remove(a), arena.len()), (None, 2));
        assert_eq!(arena.iter().map(|(ix, _)| ix).collect::<Vec<_>>(), [c, b]);
    }
}
