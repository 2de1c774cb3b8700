/** A scrolling box that draws the rows in view and no others. */
import * as React from 'react';
import { Heights } from './virtual';

/** Tell where a box is scrolled to and how high it is, whenever that changes. */
export function useScroll(ref: React.RefObject<HTMLElement>): { top: number; height: number; width: number } {
  const [at, setAt] = React.useState({ top: 0, height: 600, width: 400 });
  React.useEffect(() => {
    const node = ref.current;
    if (!node) {
      return;
    }
    const look = () =>
      setAt(was => {
        const now = { top: node.scrollTop, height: node.clientHeight || 600, width: node.clientWidth || 400 };
        return was.top === now.top && was.height === now.height && was.width === now.width ? was : now;
      });
    const observer = new ResizeObserver(look);
    observer.observe(node);
    node.addEventListener('scroll', look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      node.removeEventListener('scroll', look);
    };
  }, [ref]);
  return at;
}

interface IScrollerProps {
  heights: readonly number[];
  label: string;
  className?: string;
  role?: string;
  draw(index: number): React.ReactNode;
  keyOf(index: number): string;
}

export function Scroller(props: IScrollerProps): JSX.Element {
  const ref = React.useRef<HTMLDivElement>(null);
  const { top, height } = useScroll(ref);
  const heights = React.useMemo(() => new Heights(props.heights), [props.heights]);
  const [first, end] = heights.range(top, height);
  const rows = [];
  for (let i = first; i < end; i++) {
    rows.push(
      <div
        key={props.keyOf(i)}
        role="listitem"
        aria-setsize={props.heights.length}
        aria-posinset={i + 1}
        className="jp-Featx-row"
        style={{ top: heights.top(i), height: props.heights[i] }}
      >
        {props.draw(i)}
      </div>
    );
  }
  return (
    <div
      ref={ref}
      className={`jp-Featx-scroller ${props.className ?? ''}`}
      tabIndex={0}
      role="region"
      aria-label={props.label}
    >
      <div role="list" aria-label={props.label} style={{ height: heights.total, position: 'relative' }}>
        {rows}
      </div>
    </div>
  );
}
