//! The serial line's behaviour where the manual gives numbers.

use super::*;
use crate::peripherals::System;
use crate::peripherals::system::Domain;
use crate::units::{Hz, Tick};

fn run_until(usart: &mut Usart, ctx: &mut Ctx<'_>, tick: u64) {
    ctx.system.now = Tick(tick);
    while let Some((_, _, event)) = ctx.system.take_due() {
        usart.due(event, ctx);
    }
}

#[test]
fn a_character_takes_ten_bits_and_the_data_register_buffers_one_more() {
    // RM0008, 27.3.2, figure 281: TXE rises when the shift register takes the second character, TC after the last stop bit.
    let mut system = System::new(Hz(8_000_000));
    let mut ctx = Ctx { system: &mut system, device: 0, name: "USART1", lines: &[53], domain: Domain::Apb2 };
    let mut usart = Usart::default();
    usart.write(BRR, 69, &mut ctx); // 8 MHz / 115200
    usart.write(CR1, UE | TE, &mut ctx);
    usart.write(DR, u32::from(b'a'), &mut ctx);
    assert_eq!(usart.peek(SR) & (TXE | TC), TXE);
    usart.write(DR, u32::from(b'b'), &mut ctx);
    assert_eq!(usart.peek(SR) & (TXE | TC), 0);
    run_until(&mut usart, &mut ctx, 690);
    assert_eq!(usart.peek(SR) & (TXE | TC), TXE);
    run_until(&mut usart, &mut ctx, 1380);
    assert_eq!(usart.peek(SR) & (TXE | TC), TXE | TC);
    let sent: Vec<(u8, u64)> = ctx.system.sent.iter().map(|byte| (byte.byte, byte.at.0)).collect();
    assert_eq!(sent, [(b'a', 690), (b'b', 1380)]);
}

#[test]
fn unread_characters_overrun_and_the_read_sequence_clears() {
    // RM0008, 27.3.3: ORE keeps the first character; reading SR then DR clears it.
    let mut system = System::new(Hz(8_000_000));
    let mut ctx = Ctx { system: &mut system, device: 0, name: "USART1", lines: &[53], domain: Domain::Apb2 };
    let mut usart = Usart::default();
    usart.write(BRR, 69, &mut ctx);
    usart.write(CR1, UE | RE | RXNE, &mut ctx);
    usart.receive(b"xy", &mut ctx);
    run_until(&mut usart, &mut ctx, 690);
    assert!(ctx.system.exceptions.is_pending(53));
    run_until(&mut usart, &mut ctx, 1380);
    assert_eq!(usart.read(SR, &mut ctx) & (RXNE | ORE), RXNE | ORE);
    assert_eq!(usart.read(DR, &mut ctx), u32::from(b'x'));
    assert_eq!(usart.peek(SR) & (RXNE | ORE | IDLE), 0);
}

#[test]
fn dma_requests_follow_the_flags_and_silence_is_noticed_after_a_character() {
    // RM0008, 27.3.13 and 27.6.1 (IDLE).
    let mut system = System::new(Hz(8_000_000));
    let mut ctx = Ctx { system: &mut system, device: 0, name: "USART1", lines: &[53], domain: Domain::Apb2 };
    let mut usart = Usart::default();
    usart.write(BRR, 69, &mut ctx);
    usart.write(CR3, DMAR | DMAT, &mut ctx);
    ctx.system.signals.clear();
    usart.write(CR1, UE | RE | TE, &mut ctx);
    assert!(ctx.system.signals.iter().any(|signal| signal.output == TX && signal.high));
    usart.receive(b"x", &mut ctx);
    run_until(&mut usart, &mut ctx, 690);
    assert!(ctx.system.signals.back().is_some_and(|signal| signal.output == RX && signal.high));
    assert_eq!(usart.peek(SR) & IDLE, 0);
    assert_eq!(usart.read(DR, &mut ctx), u32::from(b'x'));
    assert!(ctx.system.signals.back().is_some_and(|signal| signal.output == RX && !signal.high));
    run_until(&mut usart, &mut ctx, 1380);
    assert_eq!(usart.peek(SR) & IDLE, IDLE);
}
