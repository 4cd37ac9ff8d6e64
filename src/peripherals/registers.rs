//! What it is: registers declared once as data: name, offset, reset value, what can be written, what is not modelled.
//! Source: the register maps of RM0008 and PM0056, cited where each device declares them.
//! Does not model: side effects; a device handles those and stores the rest here.
//! Tested by: `registers_conform` in the parent module.

/// One register's declaration.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Bytes from the device's base.
    pub offset: u32,
    /// The reference manual's name, without the device's prefix.
    pub name: &'static str,
    /// The value after reset.
    pub reset: u32,
    /// The bits that a write stores.
    pub writable: u32,
    /// Writable bits whose effect is not modelled: setting one is noted in the run's ledger.
    pub not_modelled: u32,
    /// Bits that the hardware changes by itself.
    pub volatile: u32,
    /// Bits that writing a zero clears, and that writing a one leaves.
    pub clear_by_zero: u32,
    /// Bits that writing a one clears, and that writing a zero leaves.
    pub clear_by_one: u32,
    /// How many such registers follow one another, a word apart.
    pub count: u32,
}

impl Register {
    /// A register that stores what `writable` allows.
    #[must_use]
    pub const fn new(offset: u32, name: &'static str, reset: u32, writable: u32) -> Self {
        Self { offset, name, reset, writable, not_modelled: 0, volatile: 0, clear_by_zero: 0, clear_by_one: 0, count: 1 }
    }

    /// The same with bits whose effect is not modelled.
    #[must_use]
    pub const fn not_modelled(mut self, bits: u32) -> Self {
        self.not_modelled = bits;
        self
    }

    /// The same, `count` times in a row.
    #[must_use]
    pub const fn array(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// The same with flags that the hardware sets and that writing a zero clears ("rc_w0").
    #[must_use]
    pub const fn clear_by_zero(mut self, bits: u32) -> Self {
        self.clear_by_zero = bits;
        self.volatile |= bits;
        self
    }

    /// The same with flags that the hardware sets and that writing a one clears ("rc_w1").
    #[must_use]
    pub const fn clear_by_one(mut self, bits: u32) -> Self {
        self.clear_by_one = bits;
        self.volatile |= bits;
        self
    }

    /// The same with bits that the hardware changes.
    #[must_use]
    pub const fn volatile(mut self, bits: u32) -> Self {
        self.volatile |= bits;
        self
    }
}

/// A device's registers and their contents.
#[derive(Clone, Debug)]
pub struct Registers {
    declared: &'static [Register],
    values: Vec<u32>,
}

impl Registers {
    /// All at their reset values.
    #[must_use]
    pub fn new(declared: &'static [Register]) -> Self {
        Self { declared, values: declared.iter().flat_map(|register| (0..register.count).map(|_| register.reset)).collect() }
    }

    /// The declarations.
    #[must_use]
    pub fn declared(&self) -> &'static [Register] {
        self.declared
    }

    /// The declaration at an offset and where its content is kept.
    fn index(&self, offset: u32) -> Option<(&'static Register, usize)> {
        let mut first = 0;
        for register in self.declared {
            let element = offset.wrapping_sub(register.offset) / 4;
            if offset >= register.offset && offset.is_multiple_of(4) && element < register.count {
                return Some((register, first + element as usize));
            }
            first += register.count as usize;
        }
        None
    }

    /// The declaration at an offset; `None` where the manual has none or it is not modelled at all.
    #[must_use]
    pub fn find(&self, offset: u32) -> Option<&'static Register> {
        self.index(offset).map(|(register, _)| register)
    }

    /// The content; zero where nothing is declared.
    #[must_use]
    pub fn get(&self, offset: u32) -> u32 {
        self.index(offset).map_or(0, |(_, i)| self.values[i])
    }

    /// Sets the content as the hardware does, whatever is writable.
    pub fn set(&mut self, offset: u32, value: u32) {
        if let Some((_, i)) = self.index(offset) {
            self.values[i] = value;
        }
    }

    /// Sets or clears bits as the hardware does.
    pub fn set_bits(&mut self, offset: u32, bits: u32, on: bool) {
        let value = self.get(offset);
        self.set(offset, if on { value | bits } else { value & !bits });
    }

    /// Stores what the firmware may write and returns the new content.
    pub fn store(&mut self, offset: u32, value: u32) -> u32 {
        self.index(offset).map_or(0, |(register, i)| {
            let kept = self.values[i] & (value | !register.clear_by_zero) & !(value & register.clear_by_one);
            self.values[i] = (kept & !register.writable) | (value & register.writable);
            self.values[i]
        })
    }
}
