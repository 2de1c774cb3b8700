/** The part of a log that is held in memory: it grows at either end and never beyond a few megabytes. */
import type { ILogPart } from '../api';
import { plain } from '../wording';

export const PIECE = 256 * 1024; // bytes of one request
const MOST = 6 * 1024 * 1024; // bytes held
const LONGEST = 2000; // characters drawn of one line

interface IPiece {
  offset: number;
  end: number;
  text: string;
}

export class LogText {
  private constructor(
    readonly file: string,
    readonly size: number,
    private readonly pieces: readonly IPiece[]
  ) {}

  static of(part: ILogPart): LogText {
    return new LogText(part.file, part.size, [piece(part)]);
  }

  get start(): number {
    return this.pieces[0]?.offset ?? 0;
  }

  get end(): number {
    return this.pieces[this.pieces.length - 1]?.end ?? 0;
  }

  /** Add what comes after; what is then too much goes from the beginning. */
  after(part: ILogPart): LogText {
    if (part.size < this.end) {
      return LogText.of(part); // written anew
    }
    const pieces = part.text ? [...this.pieces, piece(part)] : [...this.pieces];
    while (pieces.length > 1 && part.next_offset - pieces[0].offset > MOST) {
      pieces.shift();
    }
    return new LogText(part.file, part.size, pieces);
  }

  /** Add what comes before; what is then too much goes from the end. */
  before(part: ILogPart): LogText {
    const pieces = [piece(part), ...this.pieces];
    while (pieces.length > 1 && pieces[pieces.length - 1].end - part.offset > MOST) {
      pieces.pop();
    }
    return new LogText(part.file, part.size, pieces);
  }

  get raw(): string {
    return this.pieces.map(one => one.text).join('');
  }

  lines(): string[] {
    const lines = plain(this.raw).split('\n');
    if (lines[lines.length - 1] === '') {
      lines.pop();
    }
    return lines.map(line => (line.length > LONGEST ? `${line.slice(0, LONGEST)}… (+${line.length - LONGEST})` : line));
  }
}

function piece(part: ILogPart): IPiece {
  return { offset: part.offset, end: part.next_offset, text: part.text };
}

/** Find text in a log without holding it: part after part, from a place on; null when it is not there. */
export async function search(
  read: (offset: number, limit: number) => Promise<ILogPart>,
  query: string,
  from: number,
  told: (offset: number) => void
): Promise<ILogPart | null> {
  const wanted = query.toLowerCase();
  const size = 1024 * 1024;
  let offset = from;
  let tail = '';
  let before = 0;
  for (;;) {
    const part = await read(offset, size);
    told(part.next_offset);
    if (!part.text) {
      return null;
    }
    const text = tail + part.text;
    const at = text.toLowerCase().indexOf(wanted);
    if (at >= 0) {
      const begin = offset - before + bytesOf(text.slice(0, at));
      return read(Math.max(0, begin), PIECE);
    }
    tail = wanted.length > 1 ? text.slice(1 - wanted.length) : '';
    before = bytesOf(tail);
    offset = part.next_offset;
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
