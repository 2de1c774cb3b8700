/** Say counts, times and names as a person reads them, and make any text safe for one line of a screen. */
import { trans } from './translation';

// Terminal escapes: CSI, OSC, and whatever else begins with ESC.
// eslint-disable-next-line no-control-regex
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?/g;
// Control characters, and the marks that turn the direction of the text round them.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Return printable text without escapes and direction marks; line ends stay. */
export function plain(text: string): string {
  return text.replace(ESCAPES, '').replace(/\r\n?/g, '\n').replace(UNSEEN, '');
}

/** Return printable text on one line, not longer than `limit`. */
export function oneLine(text: unknown, limit = 80): string {
  const line = plain(
    String(text ?? '')
      .slice(0, 4 * limit + 64)
      .replace(/\r/g, ' ')
  )
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1).trimEnd()}…`;
}

/** Return a number with its thousands marked. */
export function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** Mark the thousands of a count in a text that holds it: "2,000,000 rows". */
export function marked(text: string, count: number): string {
  return text.replace(String(count), number(count));
}

/** Return whole seconds as a person says them: "5 s", "1 m 05 s", "1 h 05 m", "2 d 03 h". */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds) || seconds < 0) {
    return '–';
  }
  const whole = Math.floor(seconds);
  const units: [string, string, number, number][] = [
    ['d', 'h', 86400, 3600],
    ['h', 'm', 3600, 60],
    ['m', 's', 60, 1]
  ];
  for (const [unit, next, size, part] of units) {
    if (whole >= size) {
      const rest = String(Math.floor((whole % size) / part)).padStart(2, '0');
      return `${number(Math.floor(whole / size))} ${unit} ${rest} ${next}`;
    }
  }
  return `${whole} s`;
}

/** Return a time as it is measured for one item: "0.4 ms", "12 ms", "3.4 s". */
export function shortTime(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds) || seconds < 0) {
    return '–';
  }
  if (seconds < 0.9995) {
    return `${threeDigits(seconds * 1000)} ms`;
  }
  return seconds < 59.95 ? `${threeDigits(seconds)} s` : duration(Math.round(seconds));
}

/** Return a speed in the unit in which it is more than one. */
export function rate(perSecond: number): string {
  if (perSecond >= 1) {
    return trans.__('%1 items/s', threeDigits(perSecond));
  }
  if (perSecond * 60 >= 1) {
    return trans.__('%1 items/min', threeDigits(perSecond * 60));
  }
  if (perSecond * 3600 >= 1) {
    return trans.__('%1 items/h', threeDigits(perSecond * 3600));
  }
  return trans.__('%1 items/day', threeDigits(perSecond * 86400));
}

/** Return a number of bytes. */
export function bytes(amount: number): string {
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (amount < 1000) {
      return `${threeDigits(amount)} ${unit}`;
    }
    amount /= 1000;
  }
  return `${threeDigits(amount)} TB`;
}

/** Return when something was: the time of day, with the date where it was another day. */
export function when(seconds: number | null | undefined, now = Date.now() / 1000): string {
  if (!seconds) {
    return '–';
  }
  const then = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`;
  if (then.toDateString() === new Date(now * 1000).toDateString()) {
    return time;
  }
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${time}`;
}

export function threeDigits(value: number): string {
  if (value >= 99.95) {
    return Math.round(value).toLocaleString('en-US');
  }
  const text = value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
  return text.replace(/\.?0+$/, '') || '0';
}
