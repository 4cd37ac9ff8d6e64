//! What it is: the built-in chips against what ST's own headers and data sheets say.
//! Source: CMSIS device headers v4.3.5 (stm32f103x6.h, xb.h, xe.h, xg.h): addresses, RCC enable bits, interrupt numbers;
//!   core_cm3.h for the addresses of the core's own registers;
//!   data sheets DS5319 Rev 19 and DS5792 Rev 12 for memories and currents; RM0008 Rev 21 for the rest.
//! Does not model: how a chip file is read; that is tested beside `src/chip/file.rs`.
//! Tested by: running it.

use stm32sim::chip::{Bus, Chip};
use stm32sim::units::Hz;

/// What the header of each density has that the smaller one's has not: `NAME@base:bus.bit` (no bit: always clocked).
const PERIPHERALS: [(&str, &str); 4] = [
    (
        "x6",
        "TIM2@40000000:APB1.0 TIM3@40000400:APB1.1 RTC@40002800 WWDG@40002c00:APB1.11 IWDG@40003000 USART2@40004400:APB1.17
         I2C1@40005400:APB1.21 USB@40005c00:APB1.23 CAN@40006400:APB1.25 BKP@40006c00:APB1.27 PWR@40007000:APB1.28
         AFIO@40010000:APB2.0 EXTI@40010400 GPIOA@40010800:APB2.2 GPIOB@40010c00:APB2.3 GPIOC@40011000:APB2.4
         GPIOD@40011400:APB2.5 ADC1@40012400:APB2.9 ADC2@40012800:APB2.10 TIM1@40012c00:APB2.11 SPI1@40013000:APB2.12
         USART1@40013800:APB2.14 DMA1@40020000:AHB.0 RCC@40021000 CRC@40023000:AHB.6 FLASH@40022000 DBGMCU@e0042000
         USB_SRAM@40006000:APB1.23 ESIG@1ffff7e0 OB@1ffff800 ITM@e0000000 DWT@e0001000 STK@e000e010 NVIC@e000e100 SCB@e000ed00",
    ),
    ("xb", "TIM4@40000800:APB1.2 SPI2@40003800:APB1.14 USART3@40004800:APB1.18 I2C2@40005800:APB1.22 GPIOE@40011800:APB2.6"),
    (
        "xe",
        "TIM5@40000c00:APB1.3 TIM6@40001000:APB1.4 TIM7@40001400:APB1.5 SPI3@40003c00:APB1.15 UART4@40004c00:APB1.19
         UART5@40005000:APB1.20 DAC@40007400:APB1.29 GPIOF@40011c00:APB2.7 GPIOG@40012000:APB2.8 ADC3@40013c00:APB2.15
         TIM8@40013400:APB2.13 SDIO@40018000:AHB.10 DMA2@40020400:AHB.1 FSMC@a0000000:AHB.8",
    ),
    (
        "xg",
        "TIM12@40001800:APB1.6 TIM13@40001c00:APB1.7 TIM14@40002000:APB1.8 TIM9@40014c00:APB2.19 TIM10@40015000:APB2.20
         TIM11@40015400:APB2.21",
    ),
];

/// Likewise the interrupt numbers; a later header's name for a number replaces an earlier one's.
const INTERRUPTS: [(&str, &str); 4] = [
    (
        "x6",
        "WWDG=0 PVD=1 TAMPER=2 RTC=3 FLASH=4 RCC=5 EXTI0=6 EXTI1=7 EXTI2=8 EXTI3=9 EXTI4=10 DMA1_Channel1=11 DMA1_Channel2=12
         DMA1_Channel3=13 DMA1_Channel4=14 DMA1_Channel5=15 DMA1_Channel6=16 DMA1_Channel7=17 ADC1_2=18 USB_HP_CAN1_TX=19
         USB_LP_CAN1_RX0=20 CAN1_RX1=21 CAN1_SCE=22 EXTI9_5=23 TIM1_BRK=24 TIM1_UP=25 TIM1_TRG_COM=26 TIM1_CC=27 TIM2=28 TIM3=29
         I2C1_EV=31 I2C1_ER=32 SPI1=35 USART1=37 USART2=38 EXTI15_10=40 RTC_Alarm=41 USBWakeUp=42",
    ),
    ("xb", "TIM4=30 I2C2_EV=33 I2C2_ER=34 SPI2=36 USART3=39"),
    (
        "xe",
        "TIM8_BRK=43 TIM8_UP=44 TIM8_TRG_COM=45 TIM8_CC=46 ADC3=47 FSMC=48 SDIO=49 TIM5=50 SPI3=51 UART4=52 UART5=53 TIM6=54 TIM7=55
         DMA2_Channel1=56 DMA2_Channel2=57 DMA2_Channel3=58 DMA2_Channel4_5=59",
    ),
    ("xg", "TIM1_BRK_TIM9=24 TIM1_UP_TIM10=25 TIM1_TRG_COM_TIM11=26 TIM8_BRK_TIM12=43 TIM8_UP_TIM13=44 TIM8_TRG_COM_TIM14=45"),
];

fn chip(size: &str) -> Chip {
    Chip::find(&format!("stm32f103{size}")).unwrap()
}

#[test]
fn peripherals_are_those_of_the_cmsis_headers() {
    let mut expected = Vec::new();
    for (size, more) in PERIPHERALS {
        expected.extend(more.split_whitespace().map(str::to_owned));
        expected.sort();
        let mut ours: Vec<String> = chip(size)
            .peripherals
            .iter()
            .map(|slot| {
                let gate = match (slot.bus, slot.enable) {
                    (_, None) => String::new(),
                    (Bus::Ahb, Some(bit)) => format!(":AHB.{bit}"),
                    (Bus::Apb1, Some(bit)) => format!(":APB1.{bit}"),
                    (Bus::Apb2, Some(bit)) => format!(":APB2.{bit}"),
                    (Bus::Core, Some(bit)) => format!(":core.{bit}"),
                };
                format!("{}@{:08x}{gate}", slot.name, slot.window.base.0)
            })
            .collect();
        ours.sort();
        assert_eq!(ours, expected, "{size}");
    }
}

#[test]
fn buses_are_those_of_the_address_map() {
    // RM0008 section 3.3, table 3: APB1 from 0x40000000, APB2 from 0x40010000, AHB from 0x40018000.
    for slot in &chip("xg").peripherals {
        let expected = match slot.window.base.0 {
            0x4000_0000..0x4001_0000 => Bus::Apb1,
            0x4001_0000..0x4001_8000 => Bus::Apb2,
            0xe000_0000.. | 0x1fff_0000..0x2000_0000 => Bus::Core,
            _ => Bus::Ahb,
        };
        assert_eq!(slot.bus, expected, "{}", slot.name);
    }
}

#[test]
fn interrupts_are_those_of_the_cmsis_headers() {
    // The headers spell four names otherwise than the reference manual.
    let spelled = |name: &str| match name {
        "USB_HP_CAN1_TX" => "USB_HP_CAN_TX".to_owned(),
        "USB_LP_CAN1_RX0" => "USB_LP_CAN_RX0".to_owned(),
        "RTC_Alarm" => "RTCAlarm".to_owned(),
        name => name.replace("CAN1_", "CAN_"),
    };
    let mut expected = std::collections::BTreeMap::new();
    for (size, more) in INTERRUPTS {
        for entry in more.split_whitespace() {
            let (name, position) = entry.split_once('=').unwrap();
            expected.insert(position.parse::<u16>().unwrap(), spelled(name));
        }
        let ours = chip(size).interrupts.iter().map(|line| (line.position, line.name.clone())).collect();
        assert_eq!(expected, ours, "{size}");
    }
}

#[test]
fn a_peripherals_interrupts_bear_its_name() {
    for slot in &chip("xg").peripherals {
        let chip = chip("xg");
        let names: Vec<String> = slot.interrupts.iter().map(|position| chip.interrupt_name(*position)).collect();
        // ADC1 and 2 share a line, USB and CAN share two, EXTI carries others' lines, BKP's is the tamper pin, PWR's the detector.
        let alias = match slot.name.as_str() {
            "ADC1" | "ADC2" => "ADC1_2",
            "BKP" => "TAMPER",
            "PWR" => "PVD",
            name => name,
        };
        assert!(slot.name == "EXTI" || names.iter().all(|name| name.contains(alias)), "{}: {names:?}", slot.name);
    }
}

#[test]
fn memories_are_those_of_the_data_sheets() {
    // KiB of flash, KiB of SRAM, KiB per page, device id (RM0008 section 31.6.1).
    let expected = [
        ("x4", 16, 6, 1, 0x412),
        ("x6", 32, 10, 1, 0x412),
        ("x8", 64, 20, 1, 0x410),
        ("xb", 128, 20, 1, 0x410),
        ("xc", 256, 48, 2, 0x414),
        ("xd", 384, 64, 2, 0x414),
        ("xe", 512, 64, 2, 0x414),
        ("xf", 768, 96, 2, 0x430),
        ("xg", 1024, 96, 2, 0x430),
    ];
    for (size, flash, sram, page, device) in expected {
        let chip = chip(size);
        let ours =
            (chip.flash.size.0 >> 10, chip.sram.size.0 >> 10, chip.flash_programming.page.0 >> 10, chip.identity.idcode & 0xfff);
        assert_eq!(ours, (flash, sram, page, device), "{size}");
        assert_eq!((chip.flash.base.0, chip.sram.base.0), (0x0800_0000, 0x2000_0000));
    }
    assert_eq!(Chip::built_in().len(), expected.len());
}

#[test]
fn identity_registers_are_where_the_headers_put_them() {
    for size in ["x6", "xb", "xe", "xg"] {
        let identity = chip(size).identity;
        assert_eq!((identity.flash_size_register.0, identity.unique_id.0), (0x1fff_f7e0, 0x1fff_f7e8));
        assert_eq!(chip(size).option_bytes.base.0, 0x1fff_f800);
    }
}

#[test]
fn wait_states_are_those_of_the_flash_manual() {
    // PM0075 section 3.1: zero up to 24 MHz, one up to 48 MHz, two up to 72 MHz.
    let c8 = chip("c8");
    for (megahertz, latency) in
        [(8, Some(0)), (24, Some(0)), (25, Some(1)), (48, Some(1)), (49, Some(2)), (72, Some(2)), (73, None)]
    {
        assert_eq!(c8.wait_states_for(Hz(megahertz * 1_000_000)), latency, "{megahertz} MHz");
    }
}

#[test]
fn typical_currents_are_those_of_the_data_sheets() {
    let at = |size: &str, megahertz: u32| chip(size).current.unwrap().run.at(Hz(megahertz * 1_000_000));
    // DS5319 table 17 and DS5792 table 18, external clock.
    assert_eq!((at("c8", 72), at("c8", 8)), ((36.0, 27.0), (5.5, 4.6)));
    assert_eq!((at("rc", 72), at("rc", 8)), ((51.0, 30.5), (7.2, 5.0)));
    // Half way between two rows.
    let (clocked, idle) = at("c8", 60);
    assert!((clocked - (36.0 + 24.2) / 2.0).abs() < 1e-9 && (idle - (27.0 + 18.6) / 2.0).abs() < 1e-9);
    // Where no table was entered, nothing is invented.
    assert!(chip("x4").current.is_none() && chip("xg").current.is_none());
}

#[test]
fn clocked_peripherals_explain_the_difference_of_the_tables() {
    // DS5319: the sum of table 19 by bus, times that table's clocks (PCLK1 = HCLK / 4, PCLK2 = HCLK / 2), is what separates the two
    // columns of table 17, but for the ADCs' conditions: a check that both were copied right.
    let chip = chip("c8");
    let current = chip.current.as_ref().unwrap();
    let megahertz = |bus: Bus| match bus {
        Bus::Apb1 => 18.0,
        Bus::Apb2 => 36.0,
        _ => 72.0,
    };
    let sum: f64 = chip
        .peripherals
        .iter()
        .filter_map(|slot| Some(current.peripherals.get(&slot.name)? * megahertz(slot.bus) / 1000.0))
        .sum();
    let (clocked, idle) = current.run.at(Hz(72_000_000));
    assert!((sum / (clocked - idle) - 1.0).abs() < 0.25, "{sum} mA against {} mA", clocked - idle);
}

#[test]
fn dma_requests_are_those_of_existing_peripherals() {
    // RM0008 table 78: USART1 sends by channel 4 and receives by channel 5 of DMA1; SPI2 does not exist on the low density.
    let find = |size: &str, request: &str| {
        chip(size).dma.iter().find(|channel| channel.requests.iter().any(|r| r == request)).map(|c| (c.controller, c.channel))
    };
    assert_eq!(find("c8", "USART1_TX"), Some((1, 4)));
    assert_eq!(find("c8", "USART1_RX"), Some((1, 5)));
    assert_eq!(find("c8", "ADC1"), Some((1, 1)));
    assert_eq!(find("ze", "ADC3"), Some((2, 5)));
    assert_eq!((find("c6", "SPI2_RX"), find("c8", "SPI2_RX")), (None, Some((1, 4))));
    assert_eq!((chip("c8").dma.len(), chip("ze").dma.len()), (7, 12));
}

#[test]
fn an_address_finds_its_peripheral() {
    let chip = chip("c8");
    let at = |address| chip.slot_at(stm32sim::units::Addr(address)).map(|slot| slot.name.as_str());
    assert_eq!((at(0x4001_3804), at(0x4001_3bff), at(0x4001_3c00)), (Some("USART1"), Some("USART1"), None));
    assert_eq!((at(0x3fff_ffff), at(0x4000_0000), at(u32::MAX)), (None, Some("TIM2"), None));
}
