//! The runtime's C interface (`nn.h`), and a safe way to run the one model that `build.rs` embedded.

use core::ffi::{c_int, c_void};
use core::marker::{PhantomData, PhantomPinned};

include!(concat!(env!("OUT_DIR"), "/model.rs"));

#[repr(C)]
struct Plan {
    _bytes: [u8; 0],
    _foreign: PhantomData<(*mut u8, PhantomPinned)>,
}

extern "C" {
    static nn_model_plan: Plan;
    fn nn_check(plan: *const c_void, plan_bytes: usize) -> c_int;
    fn nn_input(plan: *const c_void, arena: *mut c_void, index: u32) -> *mut c_void;
    fn nn_output(plan: *const c_void, arena: *const c_void, index: u32) -> *const c_void;
    fn nn_invoke(plan: *const c_void, arena: *mut c_void) -> c_int;
}

/// The working memory of the model.
#[repr(C, align(8))]
pub struct Arena([u8; NN_MODEL_ARENA_BYTES]);

/// The model, checked, with its memory.
pub struct Model<'a>(&'a mut Arena);

impl Arena {
    pub const fn new() -> Self {
        Arena([0; NN_MODEL_ARENA_BYTES])
    }
}

fn plan() -> *const c_void {
    core::ptr::addr_of!(nn_model_plan).cast()
}

impl<'a> Model<'a> {
    /// Checks that the embedded plan and the linked runtime belong together; the runtime's status otherwise.
    pub fn new(arena: &'a mut Arena) -> Result<Self, c_int> {
        // SAFETY: the plan is a constant of that many bytes.
        match unsafe { nn_check(plan(), NN_MODEL_PLAN_BYTES) } {
            0 => Ok(Model(arena)),
            status => Err(status),
        }
    }

    /// One inference.
    pub fn invoke(&mut self, input: &[i8; NN_MODEL_INPUT_COUNT]) -> Result<&[i8; NN_MODEL_OUTPUT_COUNT], c_int> {
        let arena: *mut c_void = core::ptr::from_mut(self.0).cast();
        // SAFETY: the plan is checked, the arena as large as it asks for, and the first input and output have these sizes (`model.rs`).
        unsafe {
            nn_input(plan(), arena, 0).cast::<[i8; NN_MODEL_INPUT_COUNT]>().write(*input);
            match nn_invoke(plan(), arena) {
                0 => Ok(&*nn_output(plan(), arena, 0).cast()),
                status => Err(status),
            }
        }
    }
}
