/** The time of what is said about ages: a look a quarter of a minute is near enough. */
const STEP_MS = 15_000;

class Clock {
  nowMs = $state(Date.now());

  constructor() {
    setInterval(() => {
      this.nowMs = Date.now();
    }, STEP_MS);
  }
}

export const clock = new Clock();
