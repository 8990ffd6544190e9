//! Changes to inputs, by chance that a seed repeats.

pub struct Mutator {
    state: u64,
    words: &'static [&'static str],
}

/// Bytes that decide something in most languages.
const BYTES: &[u8] = b"\0\n\r\t \"'(),-./0:;<=>?[\\]{}*$#%&+_aZ9\x7f\x80\xc3\xff";

impl Mutator {
    pub fn new(seed: u64, words: &'static [&'static str]) -> Mutator {
        // Zero would stay zero.
        Mutator { state: seed ^ 0x9e37_79b9_7f4a_7c15, words }
    }

    /// Xorshift, by Marsaglia.
    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random() % bound.max(1) as u64).unwrap_or_default()
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let at = self.below(all.len());
        all.get(at)
    }

    /// One of the inputs with a few changes.
    pub fn change(&mut self, inputs: &[Vec<u8>], longest: usize) -> Vec<u8> {
        let mut input = self.pick(inputs).cloned().unwrap_or_default();
        for _ in 0..1 + self.below(4) {
            self.once(&mut input, inputs);
        }
        input.truncate(longest);
        input
    }

    fn once(&mut self, input: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.below(16)).min(input.len());
        match self.below(9) {
            0 => {
                let byte = self.pick(BYTES).copied().unwrap_or_default();
                input.insert(at, byte);
            }
            1 => drop(input.drain(at.min(end)..end)),
            2 => {
                let byte = self.pick(BYTES).copied().unwrap_or_default();
                if let Some(there) = input.get_mut(at) {
                    *there = byte;
                }
            }
            3 => {
                let bit = self.below(8);
                if let Some(there) = input.get_mut(at) {
                    *there ^= 1 << bit;
                }
            }
            4 => {
                // The same again, sometimes very often: depth is found so.
                let piece = input.get(at.min(end)..end).unwrap_or_default().to_vec();
                let times = if self.below(8) == 0 { 200 } else { 1 };
                let copies = piece.repeat(times);
                drop(input.splice(at..at, copies));
            }
            5 | 6 => {
                let word = self.pick(self.words).copied().unwrap_or_default();
                drop(input.splice(at..at, word.bytes()));
            }
            7 => {
                let other = self.pick(inputs).cloned().unwrap_or_default();
                let from = self.below(other.len());
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            _ => {
                let number = [u64::MAX, u64::from(u32::MAX), 1 << 31, 1 << 63, 0, 1][self.below(6)].to_string();
                drop(input.splice(at..at, number.bytes()));
            }
        }
    }
}

/// FNV-1a, for names of files.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
