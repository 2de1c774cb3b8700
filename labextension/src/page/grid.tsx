/** A grid of any number of rows and columns that draws the cells in view and no others. */
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { CellValue, IColumn } from '../api';
import { useScroll } from '../components/scroller';
import { Scale } from '../components/virtual';
import { histogramIcon } from '../icons';
import { trans } from '../translation';
import { oneLine } from '../wording';

const ROW = 26; // px
const HEAD = 44;
const WIDTH = 140;
const WIDE = 260; // of the item's path
const ENDING = 30; // characters that fit into it
const SOON = 60; // ms of rest before rows are asked for

interface IGridProps {
  label: string;
  columns: readonly IColumn[];
  count: number;
  sort: string;
  order(sort: string): void;
  distribute(column: string): void;
  row(index: number): CellValue[] | undefined;
  need(first: number, end: number): void;
}

export function Grid(props: IGridProps): JSX.Element {
  const { columns, count, need } = props;
  const ref = React.useRef<HTMLDivElement>(null);
  const { top, height, width } = useScroll(ref);
  const left = useLeft(ref);
  const view = Math.max(ROW, height - HEAD);
  const scale = React.useMemo(() => new Scale(count, ROW, view), [count, view]);
  const first = scale.first(top);
  const from = Math.floor(first);
  const to = Math.min(count, Math.ceil(first + view / ROW) + 1);
  const lefts = React.useMemo(() => edges(columns), [columns]);
  const shown = columns.map((_, i) => i).filter(i => lefts[i + 1] > left - WIDTH && lefts[i] < left + width + WIDTH);

  React.useEffect(() => {
    const timer = window.setTimeout(() => need(from, to), SOON);
    return () => window.clearTimeout(timer);
  }, [from, to, need]);

  const keys = (event: React.KeyboardEvent) => {
    const page = Math.max(1, Math.floor(view / ROW) - 1);
    const targets: Record<string, number> = {
      ArrowDown: Math.round(first) + 1,
      ArrowUp: Math.round(first) - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: count
    };
    if (event.key in targets && event.target === ref.current) {
      event.preventDefault();
      ref.current!.scrollTop = scale.scrollTop(Math.max(0, targets[event.key]));
    }
  };
  const rows = [];
  for (let index = from; index < to; index++) {
    const values = props.row(index);
    rows.push(
      <div
        key={index}
        role="row"
        aria-rowindex={index + 2}
        className="jp-Featx-gridRow"
        style={{ top: HEAD + (index - first) * ROW }}
      >
        {shown.map(i => (
          <Cell
            key={i}
            value={values?.[i]}
            loaded={values !== undefined}
            column={columns[i]}
            left={lefts[i] - left}
            width={lefts[i + 1] - lefts[i]}
            at={i}
          />
        ))}
      </div>
    );
  }
  return (
    <div
      ref={ref}
      className="jp-Featx-grid"
      tabIndex={0}
      role="grid"
      aria-label={props.label}
      aria-rowcount={count + 1}
      aria-colcount={columns.length}
      onKeyDown={keys}
    >
      <div role="presentation" style={{ height: scale.height + HEAD, width: lefts[columns.length] }}>
        <div role="rowgroup" className="jp-Featx-gridView" style={{ height, width }}>
          {rows}
          <div role="row" aria-rowindex={1} className="jp-Featx-gridHead" style={{ height: HEAD }}>
            {shown.map(i => (
              <Header
                key={columns[i].name}
                {...props}
                column={columns[i]}
                left={lefts[i] - left}
                width={lefts[i + 1] - lefts[i]}
                at={i}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

const NUMBERS = ['integer', 'float', 'bigint'];

interface IPlace {
  column: IColumn;
  left: number;
  width: number;
  at: number;
}

function Cell(props: IPlace & { value: CellValue | undefined; loaded: boolean }): JSX.Element {
  const { value, column, left, width, at } = props;
  const text = value === null || value === undefined ? '' : oneLine(value, 200);
  const shown = column.side === 'item' ? ending(text) : short(text, value, column);
  return (
    <div
      role="gridcell"
      aria-colindex={at + 1}
      className={`jp-Featx-cell${NUMBERS.includes(column.type) ? ' jp-mod-number' : ''}`}
      style={{ left, width }}
      title={text}
    >
      {props.loaded ? <bdi>{shown}</bdi> : '…'}
    </div>
  );
}

/** Return the end of a path: the beginning is the same for all items. */
function ending(path: string): string {
  return path.length > ENDING ? `…${path.slice(1 - ENDING)}` : path;
}

/** Return a float as it fits: all its digits are in the tip. */
function short(text: string, value: CellValue | undefined, column: IColumn): string {
  return column.type === 'float' && typeof value === 'number' && text.length > 12
    ? String(Number(value.toPrecision(7)))
    : text;
}

function Header(props: IPlace & IGridProps): JSX.Element {
  const { column, left, width, sort, order } = props;
  const down = sort === `-${column.name}`;
  const up = sort === column.name;
  const name = oneLine(column.name, 80);
  const Caret = down ? caretDownIcon : caretUpIcon;
  return (
    <div
      role="columnheader"
      aria-colindex={props.at + 1}
      aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}
      className={`jp-Featx-headCell jp-mod-${column.side}`}
      style={{ left, width }}
    >
      <button
        className="jp-Featx-headName"
        title={trans.__('Sort by %1', oneLine(column.name, 300))}
        onClick={() => order(up ? `-${column.name}` : down ? '' : column.name)}
      >
        <bdi>{name}</bdi>
        {up || down ? <Caret.react tag="span" aria-hidden="true" /> : null}
      </button>
      <span className="jp-Featx-headType">
        {column.type}
        {column.side === 'item' ? null : (
          <button
            className="jp-Featx-action"
            title={trans.__('Distribution of %1', oneLine(column.name, 300))}
            aria-label={trans.__('Distribution of %1', name)}
            onClick={() => props.distribute(column.name)}
          >
            <histogramIcon.react tag="span" aria-hidden="true" />
          </button>
        )}
      </span>
    </div>
  );
}

/** Return where each column begins, and where the last one ends. */
function edges(columns: readonly IColumn[]): number[] {
  const found = [0];
  columns.forEach(column => found.push(found[found.length - 1] + (column.side === 'item' ? WIDE : WIDTH)));
  return found;
}

function useLeft(ref: React.RefObject<HTMLElement>): number {
  const [left, setLeft] = React.useState(0);
  React.useEffect(() => {
    const node = ref.current!;
    const look = () => setLeft(node.scrollLeft);
    node.addEventListener('scroll', look, { passive: true });
    return () => node.removeEventListener('scroll', look);
  }, [ref]);
  return left;
}
