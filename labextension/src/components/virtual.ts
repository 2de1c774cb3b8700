/** Decide which of very many rows are drawn: arithmetic only, no browser. */

// Browsers give up on elements of some tens of millions of pixels.
export const TALLEST = 8_000_000;

/** Rows of any heights: which are in view, and where they begin. */
export class Heights {
  private readonly tops: Float64Array;

  constructor(heights: readonly number[]) {
    this.tops = new Float64Array(heights.length + 1);
    heights.forEach((height, i) => (this.tops[i + 1] = this.tops[i] + height));
  }

  get total(): number {
    return this.tops[this.tops.length - 1];
  }

  top(index: number): number {
    return this.tops[index];
  }

  /** Return the first row in view and the one after the last, with a few to spare on both sides. */
  range(scrollTop: number, height: number, spare = 6): [number, number] {
    const count = this.tops.length - 1;
    const first = Math.max(0, this.at(scrollTop) - spare);
    return [first, Math.min(count, this.at(scrollTop + height) + 1 + spare)];
  }

  private at(position: number): number {
    let low = 0;
    let high = this.tops.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= position) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return Math.max(0, low);
  }
}

/** Rows of one height, so many that the scroll bar stands for more than its own pixels. */
export class Scale {
  readonly height: number;

  constructor(
    readonly count: number,
    readonly row: number,
    readonly view: number
  ) {
    this.height = Math.min(TALLEST, Math.max(count * row, 1));
  }

  /** Return the (fractional) row that is at the top of the view. */
  first(scrollTop: number): number {
    const scrollable = this.height - this.view;
    const rows = this.count - this.view / this.row;
    if (scrollable <= 0 || rows <= 0) {
      return 0;
    }
    return Math.min(1, Math.max(0, scrollTop / scrollable)) * rows;
  }

  /** Return where to scroll for this row to be at the top. */
  scrollTop(first: number): number {
    const rows = this.count - this.view / this.row;
    return rows <= 0 ? 0 : (Math.min(first, rows) / rows) * (this.height - this.view);
  }
}
