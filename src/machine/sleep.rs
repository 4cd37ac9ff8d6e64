//! What it is: the core asleep: time goes on from event to event until something wakes it.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), sections B1.5.18 and B1.5.19; RM0008, 5.3 for stop and standby.
//! Does not model: the time that oscillators take to start after stop mode beyond what RCC models.
//! Tested by: `tests/machine.rs`: `sleep_*`, `hints`, `rtc_alarm`.

use super::exceptions::{CoreAccess, SCR_SLEEPDEEP};
use super::run::{Environment, Machine, Outcome, Progress, Wake, power_on_fill};
use super::soc::Soc;
use crate::finding::Result;
use crate::units::Tick;

/// After so much of the chip's time a sleep that nothing can end is over.
const HOPELESS_SECONDS: u64 = 1;

impl Machine {
    /// The core sleeps: time goes on to the next event until something wakes it.
    pub(super) fn sleep(
        &mut self,
        wake: Wake,
        environment: &mut dyn Environment,
        limit: Tick,
        pc: u32,
    ) -> Result<Option<Outcome>> {
        let deep = self.cpu.world().system.exceptions.system_control & SCR_SLEEPDEEP != 0;
        let standby = deep && self.cpu.world().system.deep_sleep.standby;
        self.cpu.world_mut().system.wake_up = false;
        let since = self.now();
        loop {
            let masks = CoreAccess::masks(&self.cpu);
            let soc = self.cpu.world_mut();
            if standby && soc.system.wake_up {
                // Leaving standby is a reset, with the SRAM's content lost (RM0008, 5.3.6).
                soc.system.woken_from_standby = true;
                soc.system.request_reset(0);
                let (sram, size) = self.cpu.memory().sram();
                let fill: Vec<u8> = (0..size as usize).map(power_on_fill).collect();
                self.cpu.memory().write(sram, &fill);
                self.cpu.memory().lose_sram();
                return Ok(None);
            }
            if soc.system.reset_requested {
                soc.system.attention = true;
                return Ok(None);
            }
            let exceptions = &mut soc.system.exceptions;
            let woken = match wake {
                Wake::Interrupt => exceptions.wakes(masks),
                Wake::Event => exceptions.takeable(masks).is_some() || std::mem::take(&mut exceptions.event),
            };
            if woken && !standby {
                if deep {
                    soc.leave_stop();
                }
                return Ok(None);
            }
            if std::mem::take(&mut soc.system.attention) {
                if environment.look(self)? == Progress::Done {
                    self.asleep = Some(wake);
                    return Ok(Some(Outcome::Finished));
                }
                continue;
            }
            // In stop mode what others wait for does not come: a character that USART is sending stays there.
            let next_due = |soc: &Soc| if deep { soc.next_due_in_stop() } else { soc.system.next_due() };
            let due = next_due(soc);
            // Something goes on, but nothing that could wake the core: what it was sending has long left.
            let patience = HOPELESS_SECONDS * u64::from(soc.system.clocks.hclk.0);
            let hopeless = !standby && soc.tracker.now().since(since).0 > patience && !soc.can_be_woken();
            if due == Tick::NEVER || hopeless {
                let sent = soc.system.sent.len();
                self.idle = true;
                let progress = environment.look(self);
                self.idle = false;
                if progress? == Progress::Done {
                    self.asleep = Some(wake);
                    return Ok(Some(Outcome::Finished));
                }
                let soc = self.cpu.world();
                if (next_due(soc) == Tick::NEVER || hopeless) && soc.system.sent.len() == sent {
                    self.asleep = Some(wake);
                    return Ok(Some(Outcome::Asleep(pc)));
                }
                continue;
            }
            let asleep = soc.tracker.sleep(due.min(limit));
            soc.note_sleep(deep, asleep);
            soc.system.cycle_counter.stand_still(asleep);
            if deep {
                soc.stood_still(asleep);
            }
            if due >= limit {
                self.asleep = Some(wake);
                return Ok(Some(self.out_of_time()));
            }
            soc.deliver_due();
        }
    }
}
