/** The rows of a table that were read, by pages: only those in view are asked for, and only some are kept. */
import type { CellValue, IResultPage } from '../api';

export const PAGE = 100;
const KEPT = 60;

export class Pages {
  private readonly pages = new Map<number, readonly CellValue[][]>();

  /** Return a row, or undefined while it has not been read. */
  row(index: number): CellValue[] | undefined {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** Return the pages of these rows that have not been read. */
  missing(first: number, end: number): number[] {
    const wanted = [];
    for (let page = Math.floor(first / PAGE); page * PAGE < end; page++) {
      if (!this.pages.has(page)) {
        wanted.push(page);
      }
    }
    return wanted;
  }

  add(page: number, answer: IResultPage): void {
    this.pages.delete(page);
    this.pages.set(page, answer.rows);
    while (this.pages.size > KEPT) {
      this.pages.delete(this.pages.keys().next().value!);
    }
  }

  clear(): void {
    this.pages.clear();
  }
}
